"""Coding of policy texts: which sentence uses which instrument, in which direction, for whom, how much.

Belongs here: applying the rules of the seed `instrument_terms.csv` to a text. Does not belong here: the rules
themselves (the seed), numbers and dates (policy_text), how a text was got (the sources).

How a label comes about, in this order (docs/policies.md has examples):
1. The text is cut into sentences (。；! ? and line ends; for English also full stops) and these into clauses (，).
2. Words inside 《》 are another document's name: they never fire, except in the document's own title.
3. A *trigger* is words in their order with gaps: `~` a short gap inside a clause, `..` a longer one inside the
   sentence. *False friends* of an instrument (补贴标准 for standards) are masked before its triggers are tried.
4. The *scope* of a match is the clauses that it touches. A *negation* (不予补贴, 不得用于, 骗取) or an *exclude*
   word of the instrument in the scope discards it.
5. The *direction* is read in the scope: terminate, reduce, restrict, else the instrument's default.
6. Amounts of the sentence go to the nearest instrument that can carry their unit.

Same text and same seed give the same labels, always: there is no model and no randomness in it.
"""

from __future__ import annotations

import csv
import os
import re
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import polars as pl

from ingest.home import SEEDS
from ingest.policies.amounts import Amount, amounts
from ingest.policies.amounts_en import amounts_en
from ingest.policies.tables import POLICY_INSTRUMENTS
from ingest.vocabulary import Instrument, instruments, segments

TERMS = "instrument_terms.csv"
_FILL = "\ue000"  # masks words without moving any offset

_SENTENCE_ZH = re.compile(r"[^。；;！？!?\n]+")
_SENTENCE_EN = re.compile(r"[^\n;]+?(?:(?<=[a-z0-9)%])\.(?=\s|$)|(?=[;\n])|$)", re.M)
_CLAUSE_MARK = re.compile(r"[，,：:]")
_QUOTED = re.compile(r"《[^》]*》")
_PAREN = re.compile(r"（[^（）]*）|\([^()]*\)")
_CJK = re.compile(r"[一-龥]")
_LATIN = re.compile(r"[A-Za-z]{2,}[ -][A-Za-z]{2,}")
_NUMBER_ZH = r"(?:第)?[0-9〇零一二三四五六七八九十百千两][0-9,.]*[十百千万亿]{0,2}(?:余|多)?(?:元|%|％)?"
_NUMBER_EN = r"[<>=+]*\d[\d,.]*\s*(?:thousand|million|billion|bn|m|trillion)?\s*(?:yuan|RMB|%)?\s*"
_FOLLOWED = ("F6_facility_subsidy", "F7_trade_in")
_FOLLOWERS = ("F1_purchase_subsidy", "F4_investment_grant")
_UNREDUCED = re.compile(r"不退坡|不再退坡|不下调|不降低")
_SALES_END = re.compile(r"燃油|petrol|ICE|fuel", re.I)
_GIVES = re.compile(r"补贴|补助|奖补|奖励|资助|给予|补偿|贴息")


@dataclass(frozen=True)
class Rule:
    """One line of the seed, compiled. `anchors` are literals of which one must stand in a sentence for the
    pattern to have a chance: they are looked for in one pass over the whole text."""

    rule_id: str
    instrument: str
    kind: str
    regex: re.Pattern[str]
    anchors: tuple[str, ...]


@dataclass(frozen=True)
class Rules:
    """The rules of one language, ready to be applied."""

    by_anchor: dict[str, tuple[int, ...]]
    anchor: re.Pattern[str]
    rules: tuple[Rule, ...]
    excludes: dict[str, re.Pattern[str]]
    titles: tuple[Rule, ...]
    negation: re.Pattern[str]
    directions: tuple[tuple[str, re.Pattern[str]], ...]


def _slot(alternatives: list[str], chinese: bool) -> str:
    parts = []
    for word in sorted(alternatives, key=len, reverse=True):  # longest first: the words shown are the whole term
        piece = re.escape(word).replace(re.escape("\\d"), r"\d")
        piece = piece.replace(re.escape("#"), _NUMBER_ZH if chinese else _NUMBER_EN)
        if not chinese:
            piece = (r"\b" if word[0].isalnum() else "") + piece + (r"\b" if word[-1].isalpha() else "")
        parts.append(piece)
    return "(?:" + "|".join(parts) + ")"


def _compile(pattern: str, chinese: bool) -> tuple[str, list[list[str]]]:
    """A pattern of the seed → a regular expression and its slots (lists of alternative words)."""
    tokens = re.split(r"(~|\.\.)", pattern)
    slots = [[w.replace("\0", "/") for w in token.replace("\\/", "\0").split("/") if w] for token in tokens[::2]]
    out = _slot(slots[0], chinese)
    for gap, slot in zip(tokens[1::2], slots[1:], strict=True):
        if chinese:
            out += r"[^，,]{0,10}?" if gap == "~" else r".{0,32}?"
        else:
            out += r"[^,]{0,28}?" if gap == "~" else r".{0,90}?"
        out += _slot(slot, chinese)
    return out, slots


def _anchors(slots: list[list[str]], chinese: bool) -> tuple[str, ...]:
    """The slot that narrows most: all of its words plain, the shortest of them as long as possible."""
    plain = [slot for slot in slots if not any("#" in word or "\\d" in word for word in slot)]
    if plain:
        best = max(plain, key=lambda slot: (min(map(len, slot)), -len(slot)))
        return tuple(word if chinese else word.lower() for word in best)
    literals = [re.split(r"#|\\d", word) for slot in slots for word in slot]
    return tuple({max(pieces, key=len) for pieces in literals if max(pieces, key=len)})


def _trie(words: Iterable[str]) -> str:
    """One regular expression for many literals, as a trie: each position costs its depth, not their number."""
    tree: dict[str, Any] = {}
    for word in words:
        node = tree
        for char in word:
            node = node.setdefault(char, {})
        node[""] = {}

    def render(node: dict[str, Any]) -> str:
        branches = [re.escape(char) + render(child) for char, child in sorted(node.items()) if char]
        if not branches:
            return ""
        body = branches[0] if len(branches) == 1 and "" not in node else "(?:" + "|".join(branches) + ")"
        return body + ("?" if "" in node else "")

    return render(tree)


def _everywhere(words: Iterable[str]) -> str:
    """A regular expression that meets the longest of `words` at every place, overlapping ones too (group 1). It begins with
    the set of their first characters, which the engine searches for at speed; a bare look-ahead would be tried everywhere."""
    first = "".join(sorted({re.escape(word[0]) for word in words}))
    return f"[{first}](?<=(?=({_trie(words)}))[\\s\\S])"


@cache
def _load(path: str, language: str) -> Rules:
    chinese = language == "zh"
    flags = 0 if chinese else re.I
    rules: list[Rule] = []
    titles: list[Rule] = []
    excludes: dict[str, list[str]] = {}
    cues: dict[str, list[str]] = {}
    with open(path, encoding="utf-8") as handle:
        for row in csv.DictReader(handle):
            if row["language"] != language or row["kind"] == "plain":
                continue
            expression, slots = _compile(row["pattern"], chinese)
            if row["instrument_id"] == "*":
                cues.setdefault(row["kind"], []).append(expression)
            elif row["kind"] == "exclude":
                excludes.setdefault(row["instrument_id"], []).append(expression)
            else:
                rule = Rule(row["rule_id"], row["instrument_id"], row["kind"], re.compile(expression, flags), _anchors(slots, chinese))
                (titles if row["kind"] == "title" else rules).append(rule)
    index: dict[str, set[int]] = {}
    for number, rule in enumerate(rules):
        for anchor in rule.anchors:
            index.setdefault(anchor, set()).add(number)
    # the look-ahead yields only the longest anchor at a place: give it the rules of its prefixes too
    by_anchor = {
        anchor: tuple(sorted(set().union(*(index.get(anchor[:cut], set()) for cut in range(1, len(anchor) + 1)))))
        for anchor in index
    }
    never = r"(?!)"
    return Rules(
        by_anchor=by_anchor,
        anchor=re.compile(_everywhere(by_anchor) if by_anchor else never, flags),
        rules=tuple(rules),
        excludes={code: re.compile("|".join(found), flags) for code, found in excludes.items()},
        titles=tuple(titles),
        negation=re.compile("|".join(cues.get("negation", [])) or never, flags),
        directions=tuple(
            (kind, re.compile("|".join(cues.get(kind, [])) or never, flags)) for kind in ("terminate", "reduce", "relax", "restrict")
        ),
    )


def rules_for(language: str, seeds: Path = SEEDS) -> Rules:
    """The compiled rules of a language ("zh" or "en") from the seed in `seeds`."""
    return _load(str(seeds / TERMS), language)


# -- one sentence ---------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Hit:
    """One label of a sentence; offsets count from the start of the sentence."""

    instrument: str
    rule_id: str
    start: int
    end: int
    direction: str


def _mask(pattern: re.Pattern[str], text: str) -> str:
    return pattern.sub(lambda match: _FILL * len(match[0]), text)


def _turned(hit: Hit) -> bool:
    return hit.direction in ("terminate", "reduce")


def _scope(text: str, start: int, end: int) -> tuple[int, int]:
    """The clauses that a match touches."""
    left = 0
    for mark in _CLAUSE_MARK.finditer(text, 0, start):
        left = mark.end()
    right = _CLAUSE_MARK.search(text, end)
    return left, right.start() if right else len(text)


def _direction(instrument: str, scope: str, rules: Rules) -> str:
    scope = _mask(_UNREDUCED, scope)
    found = {kind for kind, pattern in rules.directions if pattern.search(scope)}
    if "relax" in found and instrument in ("R1_market_access", "R4_use_privilege", "C3_attract_trade", "K3_credit_guarantee", "L2_procurement_rule", "F7_trade_in"):
        return "support"
    if instrument[:2] == "R3" and found & {"terminate", "restrict"} and _SALES_END.search(scope):
        return "restrict"  # to end the sale of combustion cars is the mandate, not its end
    if "terminate" in found:
        return "terminate"
    if "reduce" in found and instrument[0] in "FKL" or "reduce" in found and instrument[:2] == "R4":
        return "reduce" if instrument[:2] not in ("F5", "K3", "L1", "L2", "L3") else _instrument(instrument).direction
    if "restrict" in found and instrument[:2] in ("R1", "R3", "R4", "R5", "C3", "I3"):
        return "restrict"
    return _instrument(instrument).direction


@lru_cache(maxsize=20_000)
def _code_sentence(text: str, candidates: tuple[int, ...], language: str, own_title: bool, path: str) -> tuple[Hit, ...]:
    """The labels of one sentence, at most one of each instrument. `candidates`: numbers of the rules that may fire in
    it."""
    rules = _load(path, language)
    plain = text if own_title else _mask(_QUOTED, text)
    triggers: dict[str, list[Rule]] = {}
    friends: dict[str, list[Rule]] = {}
    for number in candidates:
        rule = rules.rules[number]
        (friends if rule.kind == "false_friend" else triggers).setdefault(rule.instrument, []).append(rule)
    hits: list[Hit] = []
    for code, of_code in triggers.items():
        if best := _best_hit(of_code, friends.get(code, []), plain, rules):
            hits.append(best)
    if own_title:
        hits += _title_hits(text, hits, rules)
    return tuple(sorted(hits, key=lambda hit: (hit.start, hit.instrument)))


def _best_hit(triggers: list[Rule], friends: list[Rule], plain: str, rules: Rules) -> Hit | None:
    """The match of one instrument's triggers that speaks for the sentence. A sentence that asks for a measure and then
    says that it ends is about the end: the clause that turns the direction speaks for it, else its first."""
    masked = plain
    for friend in friends:
        masked = _mask(friend.regex, masked)
    hits = [
        hit
        for rule in triggers
        for match in rule.regex.finditer(masked)
        if (hit := _hit(rule, match, masked, plain, rules))
    ]
    return max(hits, key=lambda hit: (_turned(hit), -hit.start), default=None)


def _hit(rule: Rule, match: re.Match[str], masked: str, plain: str, rules: Rules) -> Hit | None:
    """The label of a match, None where its scope is negated or excluded."""
    if _FILL * 2 in match[0]:
        return None  # a gap that runs over another document's name
    code, (start, end) = rule.instrument, match.span()
    left, right = _scope(masked, start, end)
    in_brackets = any(p.start() <= start < p.end() for p in _PAREN.finditer(masked))
    cues = plain[left:right] if in_brackets else _PAREN.sub("", plain[left:right])
    if rules.negation.search(cues):
        return None
    exclude = rules.excludes.get(code)
    if exclude and exclude.search(_excluding(plain, masked, code, left, end, right)):
        return None
    return Hit(code, rule.rule_id, start, end, _direction(code, cues, rules))


def _excluding(plain: str, masked: str, code: str, left: int, end: int, right: int) -> str:
    """Where an exclude word counts: in the scope and the clause before it, for goals of output (P1) in the one behind
    it too."""
    first = _scope(masked, max(left - 1, 0), max(left - 1, 0))[0]
    last = _scope(masked, end, min(right + 1, len(masked)))[1] if code[:2] == "P1" else right
    return plain[first:last]


def _title_hits(title: str, hits: list[Hit], rules: Rules) -> list[Hit]:
    """What the title rules add: instruments that no trigger has found."""
    known = {hit.instrument for hit in hits}
    found: list[Hit] = []
    for rule in rules.titles:
        named = rule.regex.search(title)
        if named and rule.instrument not in known:
            known.add(rule.instrument)
            found.append(Hit(rule.instrument, rule.rule_id, *named.span(), _direction(rule.instrument, title, rules)))
    return found


# -- amounts, beneficiaries, segments -----------------------------------------------------------------------------
_MONEY_CODES = ("F", "K")
_TARGET_UNITS = {
    "vehicles": ("L1", "P1", "L3", "F2", "P2", "I1", "R3", "R4"), "piles": ("I1", "P1", "F6"), "stations": ("I1", "I2", "P1", "F6"),
    "GWh": ("P1", "R1", "F2"), "kW": ("I1", "F6", "P1"), "MW": ("I1", "P1", "F6"), "kWh": ("F6", "I1", "R1"), "km": ("I4", "R5", "P1"),
    "mu": ("I3",), "m2": ("I3",), "firms": ("P2", "P1", "C3"), "units": ("C1", "P1", "C3", "P2"), "cities": ("L3",), "counties": ("L3",),
    "parking_spaces": ("R4", "I1"), "persons": ("C2",), "models": ("F2", "L3"), "points": ("L3", "F2"), "t": ("I2",), "sets": ("P1",),
}  # fmt: skip
_BENEFICIARY = (
    ("consumer", re.compile(r"消费者|个人|购车者|车主|居民|私人|市民|consumers?|buyers?|owners?|individuals?", re.I)),
    ("operator", re.compile(r"运营企业|运营商|运营单位|运营主体|建设运营|充电企业|物业|公交企业|出租车公司|出租汽车企业|充电设施|充电桩|充电站|换电站|加氢站|operators?|stations?|chargers?", re.I)),
    ("maker", re.compile(r"生产企业|整车企业|车企|汽车企业|电池企业|零部件企业|制造企业|企业|项目单位|单位|automakers?|makers?|carmakers?|manufacturers?|firms?|enterprises?|compan(?:y|ies)", re.I)),
    ("city", re.compile(r"城市群|示范城市|试点城市|各[区县市]|市县|试点县|各地|地方政府|cit(?:y|ies)|count(?:y|ies)", re.I)),
)  # fmt: skip


def _carrier(amount: Amount, hits: list[Hit]) -> Hit | None:
    """The hit that an amount belongs to: it can carry the unit, and stands nearest."""

    def distance(hit: Hit) -> int:
        return max(hit.start - amount.end, amount.start - hit.end, 0)

    if amount.role == "target" or amount.unit in _TARGET_UNITS:
        wanted = _TARGET_UNITS.get(amount.unit, ("P1", "L1", "L2", "P2", "R3", "I1", "I4", "I2"))
        if amount.role == "threshold":
            wanted = ("F2", "F4", "F1", "F6", "F3", *wanted)
        able = [hit for hit in hits if hit.instrument[:2] in wanted]
        return min(able, key=lambda hit: (distance(hit) // 12, wanted.index(hit.instrument[:2])), default=None)
    able = [hit for hit in hits if hit.instrument[0] in _MONEY_CODES]
    if not able:
        able = [hit for hit in hits if hit.instrument[:2] in ("C1", "C2", "R6", "L3", "I3", "C3", "I2", "L2", "L1", "R3", "P1", "P2")]
    return min(able, key=distance, default=None)


def _first(table: tuple[tuple[str, re.Pattern[str]], ...], text: str) -> str | None:
    return next((name for name, pattern in table if pattern.search(text)), None)


@cache
def _segment_words() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """What names a segment in a sentence: the first that is found counts (batteries' materials before batteries before cars)."""
    named = sorted((s.rank, s.segment_id, s.words) for s in segments().values() if s.words is not None)
    return tuple((name, words) for _, name, words in named)


def _instrument(code: str) -> Instrument:
    return instruments()[code]


def _segment(code: str, named: str | None) -> str | None:
    if code[:2] == "F6" and named == "fuel_cell":
        return named
    return _instrument(code).segment_id or named


def _beneficiary(code: str, sentence: str) -> str | None:
    default = _instrument(code).beneficiary
    if code[:2] in ("F1", "F5", "F7", "R4", "F6", "L3"):
        named = _first(_BENEFICIARY, sentence)
        return named if named in ("consumer", "maker") and code[:2] != "F6" and default != named and named == "consumer" else default
    return default or _first(_BENEFICIARY, sentence)


# -- one text --------------------------------------------------------------------------------------------------------
def sentences(text: str, language: str) -> Iterator[tuple[int, int]]:
    """Start and end of each sentence of a text."""
    for match in (_SENTENCE_ZH if language == "zh" else _SENTENCE_EN).finditer(text):
        if match[0].strip():
            yield match.span()


def code_text(text: str, titled: bool = False, seeds: Path = SEEDS) -> list[dict[str, Any]]:
    """The labels of one text: rows of POLICY_INSTRUMENTS without policy_id, support and confidence.

    `titled`: the first line is the document's own title (names in 《》 count there, and title rules apply).
    `evidence_text` is exactly `text[evidence_start:evidence_end]`. One row for each instrument of a sentence,
    and one more for each further amount that belongs to it.
    """
    path = str(seeds / TERMS)
    title_end = -1
    if titled:
        title_end = text.find("\n") if "\n" in text else len(text)
    rows: list[dict[str, Any]] = []
    seen: set[tuple[str, int]] = set()
    for language, script in (("zh", _CJK), ("en", _LATIN)):
        if script.search(text):
            rows += _code_language(text, language, title_end, path, seen)
    return _settle_title(rows, title_end)


@dataclass(frozen=True)
class _Carried:
    """The last support that the text gave, and the line where: the rest of that line may go on about it."""

    hit: Hit
    line: int


def _code_language(
    text: str, language: str, title_end: int, path: str, seen: set[tuple[str, int]]
) -> Iterator[dict[str, Any]]:
    """The labels of the sentences in one language. `seen` takes (instrument, offset) of each row, so that none comes
    twice."""
    rules = _load(path, language)
    spans = _spans(text, language)
    candidates = _candidates(text, language, spans, rules)
    if title_end > 0:
        candidates.setdefault(0, set())
    carried: _Carried | None = None
    for place, (start, end) in enumerate(spans):
        own_title = start < title_end
        goes_on = carried if carried and text.count("\n", 0, start) == carried.line else None
        if place not in candidates and not goes_on:
            continue
        sentence = text[start:end]
        hits = list(_code_sentence(sentence, tuple(sorted(candidates.get(place, ()))), language, own_title, path))
        if goes_on and not hits:
            hits = _again(goes_on.hit, sentence, rules)
        if place and carried and re.match(r"[；;]\s*$", text[spans[place - 1][1] : start]):
            hits = _second_half(carried.hit, hits)
        if not hits:
            continue
        fiscal = [hit for hit in hits if hit.instrument[0] == "F"]
        if fiscal and not own_title:
            carried = _Carried(fiscal[-1], text.count("\n", 0, start))
        yield from _rows(sentence, start, hits, own_title, language, seen)


def _spans(text: str, language: str) -> list[tuple[int, int]]:
    """The sentences of a language: English ones have two words in a row, and no six Chinese characters."""
    spans = list(sentences(text, language))
    if language == "en":
        spans = [
            span for span in spans if _LATIN.search(text, *span) and not re.search(r"[一-龥]{6}", text[slice(*span)])
        ]
    return spans


def _candidates(text: str, language: str, spans: list[tuple[int, int]], rules: Rules) -> dict[int, set[int]]:
    """Number of the sentence → numbers of the rules of which an anchor stands in it."""
    starts = [start for start, _ in spans]
    found: dict[int, set[int]] = {}
    for match in rules.anchor.finditer(text):
        place = bisect_right(starts, match.start()) - 1
        if place >= 0 and match.end(1) <= spans[place][1]:
            anchor = match[1] if language == "zh" else match[1].lower()
            found.setdefault(place, set()).update(rules.by_anchor[anchor])
    return found


def _again(support: Hit, sentence: str, rules: Rules) -> list[Hit]:
    """A sentence that names no instrument but gives a sum goes on about the support before it."""
    gives = _GIVES.search(sentence)
    if not gives or not re.search(r"\d", sentence) or rules.negation.search(sentence):
        return []
    return [
        Hit(support.instrument, support.rule_id + "+", *gives.span(), _direction(support.instrument, sentence, rules))
    ]


def _second_half(support: Hit, hits: list[Hit]) -> list[Hit]:
    """Behind a semicolon: "…的，补贴2万元；购买燃油车的，补贴1.5万元": the second half is of the same kind as the first."""
    if support.instrument not in _FOLLOWED:
        return hits
    named = any(hit.instrument == support.instrument for hit in hits)
    return [
        Hit(support.instrument, support.rule_id + "+", hit.start, hit.end, hit.direction)
        if hit.instrument in _FOLLOWERS
        else hit
        for hit in hits
        if not (named and hit.instrument in _FOLLOWERS)
    ]


def _settle_title(rows: list[dict[str, Any]], title_end: int) -> list[dict[str, Any]]:
    """A title that names a subsidy says not yet whether it is given, cut or ended: where it has no word of
    direction itself, it takes the direction that its body mostly has."""
    body: dict[str, list[str]] = {}
    for row in rows:
        if row["evidence_start"] >= title_end:
            body.setdefault(row["instrument"], []).append(row["direction"])
    for row in rows:
        code = row["instrument"]
        if row["evidence_start"] < title_end and code in body and row["direction"] == _instrument(code).direction:
            row["direction"] = max(sorted(set(body[code])), key=body[code].count)
    return rows


def _rows(
    sentence: str, offset: int, hits: list[Hit], own_title: bool, language: str, seen: set[tuple[str, int]]
) -> Iterator[dict[str, Any]]:
    found = [] if own_title else (amounts(sentence) if language == "zh" else amounts_en(sentence))
    of: dict[str, list[Amount]] = {}
    for each in found:
        if carrier := _carrier(each, hits):
            of.setdefault(carrier.instrument, []).append(each)
    segment = _first(_segment_words(), sentence)
    for hit in hits:
        mine: list[Amount | None] = [*of.get(hit.instrument, [])] or [None]
        for number, amount in enumerate(mine):
            start, end = (hit.start, hit.end) if number == 0 or amount is None else (amount.start, amount.end)
            while (hit.instrument, offset + start) in seen and start < end - 1:
                start += 1
            if (hit.instrument, offset + start) in seen:
                continue
            seen.add((hit.instrument, offset + start))
            yield {
                "instrument": hit.instrument,
                "direction": hit.direction,
                "amount": amount.value if amount else None,
                "unit": amount.unit if amount else None,
                "amount_role": amount.role if amount else None,
                "segment": _segment(hit.instrument, segment),
                "beneficiary": _beneficiary(hit.instrument, sentence),
                "evidence_text": sentence[start:end],
                "evidence_start": offset + start,
                "evidence_end": offset + end,
                "sentence": sentence.strip(),
                "rule_id": hit.rule_id,
                "coded_by": "rules",
            }  # fmt: skip


# -- many texts ---------------------------------------------------------------------------------------------------------
def coded_text(title: str | None, content: str | None) -> str:
    """The text that is coded and that offsets count in: the title's line and the body."""
    title = (title or "").replace("\n", " ").strip()
    return title + ("\n" + content.strip() if content and content.strip() else "")


def _code_batch(batch: list[tuple[str, str, str | None, str | None]]) -> pl.DataFrame:
    rows = [
        {"policy_id": policy_id, "support": support, "confidence": confidence, **row}
        for policy_id, text, support, confidence in batch
        for row in code_text(text, titled=True)
    ]
    return pl.DataFrame(rows, schema=POLICY_INSTRUMENTS)


def code_frame(frame: pl.DataFrame, workers: int = 1, batch: int = 250) -> pl.DataFrame:
    """Code many documents. In: `policy_id`, `title_zh` and any of `content_zh` (or `content`), `support`,
    `confidence`. Out: rows of POLICY_INSTRUMENTS, offsets counted in `coded_text(title_zh, content_zh)`.

    `workers` > 1 codes in that many child processes, `batch` documents at a time; memory stays bounded by the
    batches, since only labels come back."""
    body = "content_zh" if "content_zh" in frame.columns else "content"
    columns = [
        pl.col("policy_id"), pl.col("title_zh"),
        pl.col(body) if body in frame.columns else pl.lit(None, pl.String).alias(body),
        (pl.col("support") if "support" in frame.columns else pl.lit(None, pl.String)).alias("support"),
        (pl.col("confidence") if "confidence" in frame.columns else pl.lit(None, pl.String)).alias("confidence"),
    ]  # fmt: skip
    rows = frame.select(columns)

    def texts() -> Iterator[tuple[str, str, str | None, str | None]]:
        for part in rows.iter_slices(batch):
            for policy_id, title, content, support, confidence in part.iter_rows():
                yield policy_id, coded_text(title, content), support, confidence

    parts = list(code_stream(texts(), workers if frame.height > batch else 1, batch))
    return pl.concat(parts) if parts else pl.DataFrame(schema=POLICY_INSTRUMENTS)


def code_stream(
    texts: Iterable[tuple[str, str, str | None, str | None]], workers: int = 1, batch: int = 250
) -> Iterator[pl.DataFrame]:
    """Code a stream of (policy_id, text whose first line is the title, support, confidence): one frame of
    POLICY_INSTRUMENTS a batch, in the order of the stream.

    Never more than three batches a worker are held, however long the stream is: `texts` may be larger than memory."""
    source = iter(texts)
    batches = iter(lambda: list(islice(source, batch)), [])
    workers = min(workers, os.cpu_count() or 1)
    if workers <= 1:
        yield from map(_code_batch, batches)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("forkserver")) as pool:
        waiting: deque[Future[pl.DataFrame]] = deque()
        for part in batches:
            waiting.append(pool.submit(_code_batch, part))
            if len(waiting) >= 3 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
