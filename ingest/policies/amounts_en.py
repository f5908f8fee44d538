"""Amounts in an English sentence of a policy, with unit and role.

Belongs here: English words and numbers. Does not belong here: Chinese ones (amounts.py), which instrument the sentence is (coding.py).
"""

from __future__ import annotations

import re

from ingest.policies.amounts import Amount, number

_EN_NUM = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_EN_SCALE = {"": 1.0, "k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "bn": 1e9, "billion": 1e9, "trillion": 1e12, "trn": 1e12}
_EN_SCALES = r"(?:thousand|million|billion|trillion|trn|bn|m|k)"
_EN_PER = {
    "kwh": "kWh", "kw": "kW", "kg": "kg", "point": "point", "pile": "pile", "charger": "pile", "vehicle": "vehicle", "car": "vehicle", "nev": "vehicle", "bev": "vehicle", "phev": "vehicle",
    "project": "project", "firm": "firm", "company": "firm", "enterprise": "firm", "person": "person", "station": "station", "bus": "vehicle", "model": "model", "wh": "Wh", "driver": "person", "set": "set",
}  # fmt: skip
_EN_PER_ALT = "|".join(sorted(_EN_PER, key=len, reverse=True))
_EN_MONEY = re.compile(
    rf"(?:(?:CNY|RMB|¥)\s*(?P<pre>{_EN_NUM})\s*(?P<ps>{_EN_SCALES})?\b|(?<![\d.,])(?:(?P<lo>{_EN_NUM})\s*(?:-|–|to)\s*)?(?P<num>{_EN_NUM})\s*(?P<scale>{_EN_SCALES})?\s*(?:yuan|RMB|CNY)\b)"
    rf"(?:\s*(?:/|per|for each|for every|a|each)\s*(?:new\s+)?(?P<per>{_EN_PER_ALT})s?\b)?",
    re.I,
)
_EN_PERCENT = re.compile(rf"(?<![\d.])(?P<num>{_EN_NUM})\s*(?:%|per ?cent\b|percent\b)", re.I)
_EN_RATIO = re.compile(r"(?<![\d.:])(\d(?:\.\d+)?)\s*:\s*(\d(?:\.\d+)?)(?![\d.:])")
_EN_THINGS = {
    "vehicles": r"(?:new[- ]energy |electric |fuel[- ]cell )?(?:vehicles?|cars?|buses|taxis|trucks)|[NB]EVs?|PHEVs?|FCVs?|EVs?",
    "piles": r"(?:public |dedicated |super ?)?charg(?:ers?|ing (?:piles?|facilities|points?|terminals?|outlets?|guns?))|piles?",
    "stations": r"(?:(?:hydrogen|swap|battery[- ]swap|super ?charging|charging(?:/swap)?|charging and swapping|refuelling|h2)\s+)*stations?",
    "GWh": r"GWh", "kWh": r"kWh", "MW": r"MW", "kW": r"kW", "km": r"km", "mu": r"mu\b", "points": r"points?", "firms": r"(?:\w+ )?(?:firms|companies)", "cities": r"cities", "counties": r"(?:pilot )?counties",
}  # fmt: skip
_EN_COUNT = re.compile(
    rf"(?<![\d.,:])(?P<num>{_EN_NUM})\s*(?P<scale>million|thousand|billion|m)?\s*(?:"
    + "|".join(f"(?P<{name}>{pattern})" for name, pattern in _EN_THINGS.items())
    + r")\b",
    re.I,
)


def amounts_en(sentence: str) -> list[Amount]:
    """All amounts of one English sentence, normalised as `amounts` does. Years, ranges in km and dates are none."""
    out: list[Amount] = []
    taken: list[tuple[int, int]] = []

    def add(value: float | None, unit: str, start: int, end: int) -> None:
        if value is not None and all(end <= a or start >= b for a, b in taken):
            taken.append((start, end))
            out.append(Amount(value, unit, _role_en(sentence, start, end, unit), start, end))

    for match in _EN_MONEY.finditer(sentence):
        num, scale = match["pre"] or match["num"], (match["ps"] or match["scale"] or "").lower()
        value = (number(num) or 0.0) * _EN_SCALE[scale]
        per = _EN_PER.get((match["per"] or "").lower())
        unit = f"CNY/{per}" if per else "CNY"
        if unit == "CNY/Wh":
            unit, value = "CNY/kWh", value * 1000
        if match["lo"]:
            low_end = match.start("lo") + len(match["lo"])
            low = (number(match["lo"]) or 0.0) * _EN_SCALE[scale]
            if 1900 < low < 2100 and low == int(low) and value > 2100:
                add(value, unit, match.start("num"), match.end())
                continue
            add(low, unit, match.start("lo"), low_end)
            add(value, unit, match.start("num"), match.end())
            continue
        add(round(value, 6), unit, *match.span())
    for match in _EN_PERCENT.finditer(sentence):
        add(number(match["num"]), "%", *match.span())
    for match in _EN_RATIO.finditer(sentence):
        if re.search(r"match|local|central|subsid|ratio|provinc|national|reward", sentence, re.I):
            add(float(match[2]) / float(match[1]), "ratio", *match.span())
    for match in _EN_COUNT.finditer(sentence):
        unit = next(name for name in _EN_THINGS if match[name])
        value = (number(match["num"]) or 0.0) * _EN_SCALE[(match["scale"] or "").lower()]
        if unit == "km" or (unit == "kW" and re.search(r">=|<|at least", sentence[max(0, match.start() - 12) : match.start()])):
            continue
        if 1990 <= value <= 2060 and not match["scale"] and "," not in match["num"]:
            continue  # "2023 NEVs-to-countryside": a year
        add(round(value, 6), unit, *match.span())
    return sorted(out, key=lambda amount: amount.start)


def _role_en(sentence: str, start: int, end: int, unit: str) -> str:
    before, after = sentence[max(0, start - 28) : start], sentence[end : end + 22]
    if re.search(r"(?:up to|cap(?:ped)?(?: at| of)?|maximum(?: of)?|no more than|not exceed\w*|at most|ceiling(?: of)?|<=)\s*(?:about )?$", before, re.I) or re.match(
        r"^\s*(?:\(?cap\b|at most|ceiling|or less)", after, re.I
    ) or re.search(r"\bcap\s*$", before, re.I):
        return "cap"
    if re.match(r"^\s*(?:in )?total\b|^\s*(?:fund|special fund|special bond)", after, re.I) or re.search(r"\b(?:fund of|total(?: of)?|budget(?: of)?|bonds? (?:of|worth)|invest\w*)\s*$", before, re.I):
        return "total"
    if re.search(r"\b(?:where|whose|if|when|once)\b[^,;]*\b(?:below|above|exceeds?|over|more than|reach(?:es)?|less than|at least)\s*$", sentence[:start], re.I):
        return "threshold"
    if re.search(r"\b(?:bring|lower|push|cut)\b[^,;]*\bprice[^,;]*\b(?:below|to|under)\s*$", sentence[:start], re.I):
        return "target"
    if unit.startswith("CNY/") or unit == "ratio":
        return "rate"
    if unit == "CNY" and re.search(r"\b(?:inject|contribut|pay in|raise capital of)\w*\s*$", before, re.I):
        return "total"
    if unit == "%" and re.search(r"\bstake\b", before + after, re.I):
        return "rate"
    if unit == "%" and re.search(r"\b(?:raise|lift|increase)\b", sentence[max(0, start - 60) : start], re.I) and re.search(r"\bto\s*(?:about |at least )?$", before, re.I):
        return "target"
    target = re.search(r"\bby (?:the end of )?20\d\d|\btarget|\bgoal|\boutput|\bsales\b|\bshare\b|\bpenetration|\bexports?\b|\breach|\bin 20\d\d|\bcluster\b", sentence, re.I)
    if unit == "%":
        if re.search(r"subsid|grant|reward|investment|equipment|cut|below|rate|cost|price|match|reduc|fall|lower", sentence, re.I):
            return "rate"
        return "target"
    if unit == "CNY":
        return "target" if target and not re.search(r"subsid|reward|grant|per\b|each\b", sentence, re.I) else "rate"
    return "target"
