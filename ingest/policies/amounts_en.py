"""Amounts in an English sentence of a policy, with unit and role.

Belongs here: English words and numbers. Does not belong here: Chinese ones (amounts.py), which instrument the sentence is (coding.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

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


_CEILING = re.compile(
    r"(?:up to|cap(?:ped)?(?: at| of)?|maximum(?: of)?|no more than|not exceed\w*|at most|ceiling(?: of)?|<=)\s*(?:about )?$|\bcap\s*$",
    re.I,
)
_CEILING_AFTER = re.compile(r"\s*(?:\(?cap\b|at most|ceiling|or less)", re.I)
_FUND = re.compile(r"\b(?:fund of|total(?: of)?|budget(?: of)?|bonds? (?:of|worth)|invest\w*)\s*$", re.I)
_FUND_AFTER = re.compile(r"\s*(?:in )?total\b|\s*(?:fund|special fund|special bond)", re.I)
_IF_OVER = re.compile(
    r"\b(?:where|whose|if|when|once)\b[^,;]*\b(?:below|above|exceeds?|over|more than|reach(?:es)?|less than|at least)\s*$",
    re.I,
)
_LOWER_PRICE = re.compile(r"\b(?:bring|lower|push|cut)\b[^,;]*\bprice[^,;]*\b(?:below|to|under)\s*$", re.I)
_CAPITAL = re.compile(r"\b(?:inject|contribut|pay in|raise capital of)\w*\s*$", re.I)
_STAKE = re.compile(r"\bstake\b", re.I)
_RAISE = re.compile(r"\b(?:raise|lift|increase)\b", re.I)
_TO = re.compile(r"\bto\s*(?:about |at least )?$", re.I)
_SUPPORT_SHARE = re.compile(
    r"subsid|grant|reward|investment|equipment|cut|below|rate|cost|price|match|reduc|fall|lower", re.I
)
_GOAL = re.compile(
    r"\bby (?:the end of )?20\d\d|\btarget|\bgoal|\boutput|\bsales\b|\bshare\b|\bpenetration|\bexports?\b|\breach|\bin 20\d\d|\bcluster\b",
    re.I,
)
_GIFT = re.compile(r"subsid|reward|grant|per\b|each\b", re.I)
_MATCHED = re.compile(r"match|local|central|subsid|ratio|provinc|national|reward", re.I)
_AT_LEAST = re.compile(r">=|<|at least")


def amounts_en(sentence: str) -> list[Amount]:
    """All amounts of one English sentence, normalised as `amounts` does. Years, ranges in km and dates are none."""
    out: list[Amount] = []
    for value, unit, start, end in chain(_money(sentence), _shares(sentence), _ratios(sentence), _counts(sentence)):
        if all(
            end <= known.start or start >= known.end for known in out
        ):  # what is read as one kind is not read as another
            out.append(Amount(value, unit, _role_en(sentence, start, end, unit), start, end))
    return sorted(out, key=lambda amount: amount.start)


#: value, unit, offsets of the start and the end
_Stated = tuple[float, str, int, int]


def _money(sentence: str) -> Iterator[_Stated]:
    for match in _EN_MONEY.finditer(sentence):
        scale = _EN_SCALE[(match["ps"] or match["scale"] or "").lower()]
        value = (number(match["pre"] or match["num"]) or 0.0) * scale
        per = _EN_PER.get((match["per"] or "").lower())
        unit = f"CNY/{per}" if per else "CNY"
        if unit == "CNY/Wh":
            unit, value = "CNY/kWh", value * 1000
        if not match["lo"]:
            yield round(value, 6), unit, *match.span()
            continue
        low = (number(match["lo"]) or 0.0) * scale
        a_year = 1900 < low < 2100 and low == int(low) and value > 2100
        if not a_year:
            yield low, unit, *match.span("lo")
        yield value, unit, match.start("num"), match.end()


def _shares(sentence: str) -> Iterator[_Stated]:
    for match in _EN_PERCENT.finditer(sentence):
        value = number(match["num"])
        if value is not None:
            yield value, "%", *match.span()


def _ratios(sentence: str) -> Iterator[_Stated]:
    if not _MATCHED.search(sentence):
        return
    for match in _EN_RATIO.finditer(sentence):
        yield float(match[2]) / float(match[1]), "ratio", *match.span()


def _counts(sentence: str) -> Iterator[_Stated]:
    for match in _EN_COUNT.finditer(sentence):
        unit = next(name for name in _EN_THINGS if match[name])
        value = (number(match["num"]) or 0.0) * _EN_SCALE[(match["scale"] or "").lower()]
        if unit == "km" or (unit == "kW" and _AT_LEAST.search(sentence, max(0, match.start() - 12), match.start())):
            continue
        if 1990 <= value <= 2060 and not match["scale"] and "," not in match["num"]:
            continue  # "2023 NEVs-to-countryside": a year
        yield round(value, 6), unit, *match.span()


def _role_en(sentence: str, start: int, end: int, unit: str) -> str:
    """Role of an amount from the words around it; where they say nothing, from its unit."""
    before, after = sentence[max(0, start - 28) : start], sentence[end : end + 22]
    if _CEILING.search(before) or _CEILING_AFTER.match(after):
        return "cap"
    if _FUND_AFTER.match(after) or _FUND.search(before):
        return "total"
    if _IF_OVER.search(sentence[:start]):
        return "threshold"
    if _LOWER_PRICE.search(sentence[:start]):
        return "target"
    if unit == "CNY":
        return _role_of_sum(sentence, before)
    if unit == "%":
        return _role_of_share(sentence, start, before, after)
    return "rate" if unit == "ratio" or unit.startswith("CNY/") else "target"


def _role_of_sum(sentence: str, before: str) -> str:
    if _CAPITAL.search(before):
        return "total"
    return "target" if _GOAL.search(sentence) and not _GIFT.search(sentence) else "rate"


def _role_of_share(sentence: str, start: int, before: str, after: str) -> str:
    if _STAKE.search(before + after):
        return "rate"
    if _RAISE.search(sentence[max(0, start - 60) : start]) and _TO.search(before):
        return "target"
    return "rate" if _SUPPORT_SHARE.search(sentence) else "target"
