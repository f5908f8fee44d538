"""Parsing: facts + additions + corrections + evidence → policies, their instruments, their evidence.

Belongs here: merging the collected rows, one cell at a time, so that what a source said stays visible. Does not
belong here: deciding what a sentence means (ingest/policies/coding.py).

The order is fixed: `known_policies.csv` and `additions.csv` give the rows; `corrections.csv` replaces single cells,
each with its source; `policies_evidence.csv` adds amounts and turns a recalled number that a page confirms into a
seen one. A cell that two sources contradict keeps both in `policy_evidence` with `conflict` true.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from ingest import vocabulary
from ingest.declaration import QUARANTINE_SCHEMA, Page, ParseContext, Parsed, RejectFile
from ingest.policies.amounts import Amount, amounts
from ingest.policies.amounts_en import amounts_en
from ingest.policies.coding import code_text
from ingest.policies.facts import content_sha256
from ingest.policies.tables import (
    POLICIES,
    POLICY_INSTRUMENTS,
)
from ingest.policies.text import document_type, first_day, last_day, normalise_doc_no, normalise_title, parse_date

_BENEFICIARY_WORDS = {"consumer": "consumer", "public_fleet": "operator"}
_APPROXIMATE = re.compile(r"题名待核|题名截断|back-translated|title approximated|title (?:is )?descriptive|exact title not seen|Chinese title recalled|title by analogy")
_PLAN = re.compile(r"规划|行动|方案|战略|计划")


def _rows(page: Page) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(page.body.decode("utf-8"))))


def parse(pages: Iterable[Page], ctx: ParseContext) -> Parsed:
    """In: the five bundled files. Out: policies, policy_instruments, policy_evidence, policy_versions.
    Raises RejectFile where a correction or a piece of evidence names a policy that does not exist, or a row an
    instrument, segment or level outside the vocabulary."""
    files = {page.key: _rows(page) for page in pages}
    facts = {row["policy_id"]: dict(row) for row in [*files["known_policies.csv"], *files["additions.csv"]]}
    corrected: dict[str, dict[str, str]] = {}
    for row in files["corrections.csv"]:
        if row["policy_id"] not in facts:
            raise RejectFile("unknown_policy", f"corrections.csv names {row['policy_id']}")
        corrected.setdefault(row["policy_id"], {})[row["field"]] = row["value"]
    evidence = files["policies_evidence.csv"]
    for row in evidence:
        if row["policy_id"] not in facts:
            raise RejectFile("unknown_policy", f"policies_evidence.csv names {row['policy_id']}")
    known = vocabulary.instruments(ctx.seeds)

    policies: list[dict[str, Any]] = []
    instruments: list[dict[str, Any]] = []
    for policy_id, fact in facts.items():
        row = {**fact, **corrected.get(policy_id, {})}
        about = [item for item in evidence if item["policy_id"] == policy_id]
        policy = _policy(policy_id, row, about)
        policies.append(policy)
        curated = _curated_instruments(policy, row, known)
        instruments += curated
        instruments += [
            {**hit, "policy_id": policy_id, "support": policy["support"], "confidence": policy["confidence"]}
            for hit in code_text(policy["content"], titled=True)
        ]
    proof = _evidence(evidence, files["corrections.csv"])
    versions = [
        {**row, "version": int(row["version"]), "valid_from": row["valid_from"] or None, "valid_to": row["valid_to"] or None}
        for row in files["versions.csv"]
    ]
    tables = {
        "policies": pl.DataFrame(policies, schema=POLICIES),
        "policy_instruments": pl.DataFrame(instruments, schema=POLICY_INSTRUMENTS),
        "policy_evidence": proof,
        "policy_versions": pl.DataFrame(
            versions,
            schema={"policy_id": pl.String, "version": pl.Int64, "valid_from": pl.String, "valid_to": pl.String, "change": pl.String, "source": pl.String},
        ),
    }
    return Parsed(tables=tables, records_in=len(facts), accepted=len(policies), quarantine=pl.DataFrame(schema=QUARANTINE_SCHEMA))


def _policy(policy_id: str, row: dict[str, str], about: list[dict[str, str]]) -> dict[str, Any]:
    """The row of POLICIES of one collected policy. `about`: the pieces of evidence on it."""
    if row["level"] not in ("national", "province", "city"):
        raise RejectFile("level", f"{policy_id}: {row['level']}")
    title = re.sub(r"[（(](?:题名待核|题名截断|[^（()）]*，题名待核|非文件)[）)]", "", row["title_zh"]).strip()
    doc_no = _known(row["doc_no"])
    issued, precision = parse_date(row["issue_date"])
    valid_from, valid_to = _valid(row.get("valid_to_or_effective", ""), row)
    segments = _segments(policy_id, row)
    body = _summary(row, about)
    return {
        "policy_id": policy_id, "issuer": row["issuer"], "level": row["level"], "adcode": row["adcode"], "place": row["place"],
        "title_zh": title, "title_is_back_translated": bool(_APPROXIMATE.search(row["title_zh"] + row["notes"])),
        "title_en": _known(row["title_en"]), "title_key": normalise_title(title),
        "doc_no": doc_no, "doc_no_norm": normalise_doc_no(doc_no), "issued_on": issued, "issued_precision": precision,
        "published_on": _known(row.get("published_on")), "valid_from": row.get("valid_from") or valid_from,
        "valid_to": row.get("valid_to") or valid_to, "status": row.get("status") or "unknown",
        "doc_type": row.get("doc_type") or _doc_type(title, doc_no), "derives_from": _known(row.get("derives_from")),
        "supersedes": _known(row.get("supersedes")), "segments": _known(";".join(segments)),
        "text_kind": "summary" if body else "title_only", "content": title + ("\n" + body if body else ""),
        "url": _known(row["source_url"]), "content_sha256": content_sha256(title, body),
        "support": _support(row, about), "confidence": row["confidence"],
        "doc_no_support": _doc_no_support(row, about) if doc_no else "none", "note": _known(row["notes"]),
    }  # fmt: skip


def _known(cell: str | None) -> str | None:
    """An empty cell is unknown."""
    return cell or None


def _segments(policy_id: str, row: dict[str, str]) -> list[str]:
    segments = [s for s in row["segments"].split(";") if s and s not in _BENEFICIARY_WORDS]
    unknown = set(segments) - set(vocabulary.segments())
    if unknown:
        raise RejectFile("segment", f"{policy_id}: {sorted(unknown)}")
    return segments


def _summary(row: dict[str, str], about: list[dict[str, str]]) -> str:
    """The amounts that the collector wrote down, and behind them those that evidence adds or states otherwise."""
    pieces = [row["amounts"].replace("(recalled)", "").strip()]
    for item in about:
        says_more = item["field"].startswith("amounts") and item["relation"] in ("adds", "contradicts")
        if says_more and item["value"] != row["amounts"]:
            pieces.append(item["value"])
    return "; ".join(dict.fromkeys(piece for piece in pieces if piece))


def _support(row: dict[str, str], about: list[dict[str, str]]) -> str:
    """What the row rests on: a recalled one was seen where a page speaks of it, whether it confirms or contradicts."""
    if not row["support"].startswith("recalled"):
        return row["support"]
    for item in about:
        if item["relation"] in ("confirms", "contradicts") and item["confidence"] in ("high", "medium"):
            return "seen:pages " + item["source"]
    return row["support"]


def _doc_no_support(row: dict[str, str], about: list[dict[str, str]]) -> str:
    for item in about:
        if item["relation"] == "confirms" and "doc_no" in item["field"] and item["confidence"] == "high":
            return "seen"
    return row["doc_no_support"]


def _doc_type(title: str, doc_no: str | None) -> str:
    """The type by the title; each row stands for a measure that was taken, so it is no news and no reply."""
    by_title = document_type(title, doc_no)
    if by_title in ("news", "interpretation", "reply", "call", "other"):
        return "plan" if _PLAN.search(title) else "norm"
    return by_title


def _valid(text: str, row: dict[str, str]) -> tuple[str | None, str | None]:
    """`a..b` is a period; a lone last-of-year day, month or year ends one; another lone day begins it (施行)."""
    text = text.strip()
    if not text:
        return None, None
    if ".." in text:
        start, end = text.split("..", 1)
        return first_day(parse_date(start)[0]), last_day(parse_date(end)[0])
    if found := re.fullmatch(r"(20\d\d)-(20\d\d)", text):
        return f"{found[1]}-01-01", f"{found[2]}-12-31"
    dates = [parse_date(part)[0] for part in re.findall(r"20\d\d(?:-\d\d){0,2}", text)]
    if not dates:
        return None, None
    last = dates[-1]
    if last and len(last) == 10 and "transition" not in text and not last.endswith(("12-31", "06-30", "03-31")):
        return (None, last) if "repealed" in text else (last, None)
    return None, last_day(last)


def _curated_instruments(policy: dict[str, Any], row: dict[str, str], known: Mapping[str, vocabulary.Instrument]) -> list[dict[str, Any]]:
    """One row for every instrument that the collector coded, or one for each amount that belongs to it."""
    wanted = _coded_by_hand(policy["policy_id"], row["instruments"], known)
    amounts_of = _amounts_of(policy["content"].partition("\n")[2], list(wanted))
    segments = (policy["segments"] or "").split(";")
    named = [_BENEFICIARY_WORDS[s] for s in row["segments"].split(";") if s in _BENEFICIARY_WORDS]
    out = []
    for place, (code, direction) in enumerate(wanted.items()):
        meant = known[code]
        base = {
            "policy_id": policy["policy_id"], "instrument": code, "direction": direction, "rule_id": "curated", "coded_by": "curated",
            "segment": meant.segment_id or (segments[0] or None),
            "beneficiary": meant.beneficiary or (named[0] if named else None),
            "support": policy["support"], "confidence": policy["confidence"], "evidence_end": None, "sentence": None,
        }  # fmt: skip
        entries: list[tuple[Amount | None, str]] = [*amounts_of[code]] or [(None, policy["title_zh"])]
        for number, (amount, item) in enumerate(entries):
            out.append(
                {
                    **base, "amount": amount.value if amount else None, "unit": amount.unit if amount else None,
                    "amount_role": amount.role if amount else None, "evidence_text": item,
                    "evidence_start": -(1 + place * 100 + number),
                }
            )  # fmt: skip
    return out


def _coded_by_hand(policy_id: str, cell: str, known: Mapping[str, vocabulary.Instrument]) -> dict[str, str]:
    """`F1_purchase_subsidy;P1_output_target:reduce` → direction of each instrument."""
    wanted: dict[str, str] = {}
    for word in filter(None, cell.split(";")):
        code, _, direction = word.partition(":")
        if code not in known:
            raise RejectFile("instrument", f"{policy_id}: {code}")
        if direction == "restated":  # a national measure only repeated: kept in the evidence, not counted
            continue
        wanted[code] = {"": known[code].direction, "relax": "support"}.get(direction, direction)
    return wanted


def _amounts_of(body: str, wanted: list[str]) -> dict[str, list[tuple[Amount, str]]]:
    """Instrument → its amounts, each with the item of the summary that states it."""
    found: dict[str, list[tuple[Amount, str]]] = {code: [] for code in wanted}
    for item in filter(None, (part.strip() for part in body.split(";"))):
        for stated in amounts(item) if re.search(r"\d\s*[亿万]?元", item) else amounts_en(item):
            carrier = _instrument_of(stated, item, wanted)
            if carrier:
                found[carrier].append((stated, item))
    return found


@dataclass(frozen=True)
class _Carriers:
    """The instruments, the likeliest first, that an amount belongs to if the words of its item and its unit fit."""

    codes: tuple[str, ...]
    words: str = ""  # looked for in the item in lower case; "": any
    units: tuple[str, ...] = ()  # (): any
    not_units: tuple[str, ...] = ()
    not_words: str = ""
    least: float = -math.inf  # the least value
    else_next: bool = False  # where the policy has none of the instruments, the next row is tried

    def fit(self, amount: Amount, item: str) -> bool:
        return (
            (not self.units or amount.unit in self.units)
            and amount.unit not in self.not_units
            and amount.value >= self.least
            and re.search(self.words, item) is not None
            and not (self.not_words and re.search(self.not_words, item))
        )


_SHARE = ("%", "ratio")
_PRODUCT = ("CNY/point", "CNY/model", "CNY/firm")
_VEHICLE = ("CNY/vehicle", "CNY/project")
_GOAL_UNITS = ("vehicles", "piles", "stations", "points", "cities", "counties", "GWh", "firms")
#: Of goals and counted things; the first row that fits decides, and the last one fits all.
_CARRY_GOALS = (
    _Carriers(("I1", "P1", "L1"), units=("piles",)),
    _Carriers(("I1", "P1", "L1"), r"charg|pile|gun", not_units=("CNY", "vehicles")),
    _Carriers(("I2", "I1", "P1"), r"hydrogen|fc", units=("stations",)),
    _Carriers(("I1", "I2", "P1"), units=("stations",)),
    _Carriers(("L1", "P1", "L3"), r"bus|taxi|public|fleet|sanitation", units=("vehicles",)),
    _Carriers(("P1", "R3", "L1", "L3", "P2", "I1")),
)
#: Of money that is given: sums for a unit, shares, then sums.
_CARRY_SUPPORT = (
    _Carriers(("F6", "I1"), units=("CNY/kW", "CNY/pile")),
    _Carriers(("R6", "F6"), r"recycl", units=("CNY/kWh",)),
    _Carriers(("F6", "I1"), r"charg|taxi|swap|operat|storage|service", units=("CNY/kWh",)),
    _Carriers(("F1", "F6"), units=("CNY/kWh",)),
    _Carriers(("F6", "I2", "F2"), units=("CNY/kg",)),
    _Carriers(("F7", "F1"), r"scrap|replac|transfer|trade|置换|报废", units=(*_VEHICLE, *_PRODUCT)),
    _Carriers(("F2", "F3", "L3", "F1"), units=_PRODUCT),
    _Carriers(("F1", "F7", "F2", "L1"), units=_VEHICLE),
    _Carriers(("F5",), r"tax", units=_SHARE),
    _Carriers(("R3",), r"credit", units=_SHARE),
    _Carriers(("F6", "F4", "F3"), r"equipment|investment|station|communit", units=_SHARE),
    _Carriers(("F1", "F2", "L3"), r"cut|below|fall|subsid|central|national|match|price", units=_SHARE),
    _Carriers(("L1", "P1"), r"public|fleet|bus|taxi|renewed|electrif", units=_SHARE),
    _Carriers(("P1", "P2"), units=_SHARE),
    # sums of this size are output or cluster goals
    _Carriers(("P1", "P2"), not_words=r"fund|investor|stake|credit|loan|special", least=5e9),
    _Carriers(("K2", "K1", "F1"), r"fund"),
    _Carriers(("K1", "K2"), r"investor|stake|nio"),
    _Carriers(("F3", "F4"), r"r&d|science|research|technology|innovation"),
    _Carriers(("K3",), r"credit line|loan|bond"),
    _Carriers(("F6",), r"charg|pile|station|hydrogen", else_next=True),
    _Carriers(("F7",), r"scrap|replac|per car|trade", else_next=True),
)


def _instrument_of(amount: Amount, item: str, wanted: list[str]) -> str | None:
    """Which of a policy's instruments an amount of its summary belongs to: by unit and by the words of the item.
    None where no one can tell: an amount is rather left out than hung on the wrong instrument."""
    of_class = {code[:2]: code for code in wanted}
    text = item.lower()
    a_goal = amount.role == "target" or amount.unit in _GOAL_UNITS
    for row in _CARRY_GOALS if a_goal else _CARRY_SUPPORT:
        if row.fit(amount, text):
            carrier = next((of_class[code] for code in row.codes if code in of_class), None)
            if carrier or not row.else_next:
                return carrier
    fiscal = [code for code in wanted if code[0] == "F"]
    return fiscal[0] if len(fiscal) == 1 else None


def _evidence(evidence: list[dict[str, str]], corrections: list[dict[str, str]]) -> pl.DataFrame:
    rows = [
        {
            "policy_id": item["policy_id"], "evidence_no": number, "field": item["field"], "value": item["value"],
            "relation": item["relation"], "source": item["source"],
            "statement": item["what_it_says"] + (f" (before: {item['value_before']})" if item["value_before"] else ""),
            "confidence": item["confidence"], "conflict": item["relation"] == "contradicts",
        }
        for number, item in enumerate(evidence)
    ]  # fmt: skip
    rows += [
        {
            "policy_id": item["policy_id"], "evidence_no": len(evidence) + number, "field": item["field"], "value": item["value"],
            "relation": "corrects", "source": item["source"], "statement": item["why"], "confidence": "medium", "conflict": False,
        }
        for number, item in enumerate(corrections)
    ]  # fmt: skip
    schema = {
        "policy_id": pl.String, "evidence_no": pl.Int64, "field": pl.String, "value": pl.String, "relation": pl.String,
        "source": pl.String, "statement": pl.String, "confidence": pl.String, "conflict": pl.Boolean,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema)
