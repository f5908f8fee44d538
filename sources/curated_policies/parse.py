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
import re
from collections.abc import Iterable
from typing import Any

import polars as pl

from ingest.declaration import QUARANTINE_SCHEMA, Page, ParseContext, Parsed, RejectFile
from ingest.policies.amounts import Amount, amounts
from ingest.policies.amounts_en import amounts_en
from ingest.policies.coding import code_text
from ingest.policies.facts import content_sha256
from ingest.policies.tables import (
    DEFAULT_BENEFICIARY,
    DEFAULT_SEGMENT,
    POLICIES,
    POLICY_INSTRUMENTS,
    SEGMENTS,
    default_direction,
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
    vocabulary = set(pl.read_csv(ctx.seeds / "instruments.csv", columns=["instrument_id"])["instrument_id"])

    policies: list[dict[str, Any]] = []
    instruments: list[dict[str, Any]] = []
    for policy_id, fact in facts.items():
        row = {**fact, **corrected.get(policy_id, {})}
        about = [item for item in evidence if item["policy_id"] == policy_id]
        policy = _policy(policy_id, row, about)
        policies.append(policy)
        curated = _curated_instruments(policy, row, vocabulary)
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
    if row["level"] not in ("national", "province", "city"):
        raise RejectFile("level", f"{policy_id}: {row['level']}")
    title = re.sub(r"[（(](?:题名待核|题名截断|[^（()）]*，题名待核|非文件)[）)]", "", row["title_zh"]).strip()
    doc_no = row["doc_no"] or None
    issued, precision = parse_date(row["issue_date"])
    valid_from, valid_to = _valid(row.get("valid_to_or_effective", ""), row)
    valid_from, valid_to = row.get("valid_from") or valid_from, row.get("valid_to") or valid_to
    segments = [s for s in row["segments"].split(";") if s and s not in _BENEFICIARY_WORDS]
    unknown = set(segments) - set(SEGMENTS)
    if unknown:
        raise RejectFile("segment", f"{policy_id}: {sorted(unknown)}")
    pieces = [row["amounts"].replace("(recalled)", "").strip()]
    support = row["support"]
    doc_no_support = row["doc_no_support"]
    for item in about:
        if item["field"].startswith("amounts") and item["relation"] in ("adds", "contradicts") and row["amounts"] != item["value"]:
            pieces.append(item["value"])
        if item["relation"] == "confirms" and "doc_no" in item["field"] and item["confidence"] == "high":
            doc_no_support = "seen"
        if support.startswith("recalled") and item["relation"] in ("confirms", "contradicts") and item["confidence"] in ("high", "medium"):
            support = "seen:pages " + item["source"]
    body = "; ".join(dict.fromkeys(piece for piece in pieces if piece))
    doc_type = row.get("doc_type") or document_type(title, doc_no)
    if doc_type in ("news", "interpretation", "reply", "call", "other"):
        doc_type = "plan" if _PLAN.search(title) else "norm"  # each row stands for a measure that was taken
        doc_type = row.get("doc_type") or doc_type
    status = row.get("status") or "unknown"
    return {
        "policy_id": policy_id, "issuer": row["issuer"], "level": row["level"], "adcode": row["adcode"], "place": row["place"],
        "title_zh": title, "title_is_back_translated": bool(_APPROXIMATE.search(row["title_zh"] + row["notes"])),
        "title_en": row["title_en"] or None, "title_key": normalise_title(title), "doc_no": doc_no, "doc_no_norm": normalise_doc_no(doc_no), "issued_on": issued,
        "issued_precision": precision, "published_on": row.get("published_on") or None, "valid_from": valid_from, "valid_to": valid_to,
        "status": status, "doc_type": doc_type, "derives_from": row.get("derives_from") or None, "supersedes": row.get("supersedes") or None,
        "segments": ";".join(segments) or None, "text_kind": "summary" if body else "title_only",
        "content": title + ("\n" + body if body else ""), "url": row["source_url"] or None,
        "content_sha256": content_sha256(title, body), "support": support,
        "confidence": row["confidence"], "doc_no_support": doc_no_support if doc_no else "none", "note": row["notes"] or None,
    }  # fmt: skip


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


def _curated_instruments(policy: dict[str, Any], row: dict[str, str], vocabulary: set[str]) -> list[dict[str, Any]]:
    """One row for every instrument that the collector coded, or one for each amount that belongs to it."""
    policy_id = policy["policy_id"]
    wanted: dict[str, str] = {}
    for word in filter(None, row["instruments"].split(";")):
        code, _, direction = word.partition(":")
        if code not in vocabulary:
            raise RejectFile("instrument", f"{policy_id}: {code}")
        if direction == "restated":  # a national measure only repeated: kept in the evidence, not counted
            continue
        wanted[code] = {"": default_direction(code), "relax": "support"}.get(direction, direction)
    amounts_of: dict[str, list[tuple[Amount, str]]] = {code: [] for code in wanted}
    body = policy["content"].split("\n", 1)[1] if "\n" in policy["content"] else ""
    for item in filter(None, (part.strip() for part in body.split(";"))):
        for stated in amounts(item) if re.search(r"\d\s*[亿万]?元", item) else amounts_en(item):
            carrier = _instrument_of(stated, item, list(wanted))
            if carrier:
                amounts_of[carrier].append((stated, item))
    segments = (policy["segments"] or "").split(";")
    named = [_BENEFICIARY_WORDS[s] for s in row["segments"].split(";") if s in _BENEFICIARY_WORDS]
    out = []
    for place, (code, direction) in enumerate(wanted.items()):
        base = {
            "policy_id": policy_id, "instrument": code, "direction": direction, "rule_id": "curated", "coded_by": "curated",
            "segment": DEFAULT_SEGMENT.get(code) or (segments[0] or None),
            "beneficiary": DEFAULT_BENEFICIARY.get(code) if code in DEFAULT_BENEFICIARY else (named[0] if named else None),
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


def _instrument_of(amount: Amount, item: str, wanted: list[str]) -> str | None:
    """Which of a policy's instruments an amount of its summary belongs to: by unit and by the words of the item.
    None where no one can tell: an amount is rather left out than hung on the wrong instrument."""
    text, unit, role = item.lower(), amount.unit, amount.role
    has = {code[:2]: code for code in wanted}

    def pick(*codes: str) -> str | None:
        return next((has[code] for code in codes if code in has), None)

    if role == "target" or unit in ("vehicles", "piles", "stations", "points", "cities", "counties", "GWh", "firms"):
        if unit == "piles" or re.search(r"charg|pile|gun", text) and unit not in ("CNY", "vehicles"):
            return pick("I1", "P1", "L1")
        if unit == "stations":
            return pick("I2", "I1", "P1") if re.search(r"hydrogen|fc", text) else pick("I1", "I2", "P1")
        if unit == "vehicles" and re.search(r"bus|taxi|public|fleet|sanitation", text):
            return pick("L1", "P1", "L3")
        return pick("P1", "R3", "L1", "L3", "P2", "I1")
    if unit in ("CNY/kW", "CNY/pile"):
        return pick("F6", "I1")
    if unit == "CNY/kWh":
        if re.search(r"recycl", text):
            return pick("R6", "F6")
        return pick("F6", "I1") if re.search(r"charg|taxi|swap|operat|storage|service", text) else pick("F1", "F6")
    if unit == "CNY/kg":
        return pick("F6", "I2", "F2")
    if unit in ("CNY/vehicle", "CNY/point", "CNY/model", "CNY/project", "CNY/firm"):
        if re.search(r"scrap|replac|transfer|trade|置换|报废", text):
            return pick("F7", "F1")
        if unit in ("CNY/point", "CNY/model", "CNY/firm"):
            return pick("F2", "F3", "L3", "F1")
        return pick("F1", "F7", "F2", "L1")
    if unit in ("%", "ratio"):
        if re.search(r"tax", text):
            return pick("F5")
        if re.search(r"credit", text):
            return pick("R3")
        if re.search(r"equipment|investment|station|communit", text):
            return pick("F6", "F4", "F3")
        if re.search(r"cut|below|fall|subsid|central|national|match|price", text):
            return pick("F1", "F2", "L3")
        if re.search(r"public|fleet|bus|taxi|renewed|electrif", text):
            return pick("L1", "P1")
        return pick("P1", "P2")
    if amount.value >= 5e9 and not re.search(r"fund|investor|stake|credit|loan|special", text):
        return pick("P1", "P2")  # sums of this size are output or cluster goals
    if re.search(r"fund|investor|stake|nio", text):
        return pick("K2", "K1", "F1") if "fund" in text else pick("K1", "K2")
    if re.search(r"r&d|science|research|technology|innovation", text):
        return pick("F3", "F4")
    if re.search(r"credit line|loan|bond", text):
        return pick("K3")
    if re.search(r"charg|pile|station|hydrogen", text) and pick("F6"):
        return pick("F6")
    if re.search(r"scrap|replac|per car|trade", text) and pick("F7"):
        return pick("F7")
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
