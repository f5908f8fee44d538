"""Reading the answers: a JSON array of labels, held against the vocabulary and the text.

Belongs here: what an answer means and when it is held back. Does not belong here: asking (fetch.py).
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable
from typing import Any

import polars as pl

from ingest.declaration import QUARANTINE_SCHEMA, Page, ParseContext, Parsed
from ingest.text.scrub import redact

DIRECTIONS = ("support", "reduce", "terminate", "restrict")


def parse(pages: Iterable[Page], ctx: ParseContext) -> Parsed:
    """In: one page an answer. Out: `asked` (one row an answer) and `labels`; an answer without a readable array, or with an
    instrument or direction outside the vocabulary, is held whole."""
    with open(ctx.seeds / "instruments.csv", encoding="utf-8") as handle:
        vocabulary = {row["instrument_id"] for row in csv.DictReader(handle)}
    asked: list[dict[str, Any]] = []
    labels: list[dict[str, Any]] = []
    held: list[dict[str, Any]] = []
    records = 0
    for records, page in enumerate(pages, start=1):
        said = json.loads(page.body)
        found, reason = labels_of(said["answer"], vocabulary)
        if reason:
            held.append({"page_key": page.key[:200], "record": records, "reason": reason, "detail": said["record_key"], "payload": redact(said["answer"])[:500]})
            continue
        own = {name: said[name] for name in ("record_key", "content_sha256", "prompt_sha256", "model")}
        asked.append({**own, "prompt": said["prompt"], "n_labels": len(found), "asked_at": said["asked_at"]})
        for label in found.values():
            start = said["text"].find(label["evidence_text"]) if label["evidence_text"] else -1
            labels.append({**own, **label, "evidence_start": start if start >= 0 else None})
    schema_asked = {n: pl.Int64 if n == "n_labels" else pl.String for n in ("record_key", "content_sha256", "prompt_sha256", "model", "prompt", "n_labels", "asked_at")}
    names = ("record_key", "content_sha256", "prompt_sha256", "model", "instrument", "direction", "evidence_text", "evidence_start")
    return Parsed(
        tables={
            "asked": pl.DataFrame(asked, schema=schema_asked),
            "labels": pl.DataFrame(labels, schema={n: pl.Int64 if n == "evidence_start" else pl.String for n in names}),
        },
        records_in=records,
        accepted=len(asked),
        quarantine=pl.DataFrame(held, schema=QUARANTINE_SCHEMA),
    )


def labels_of(answer: str, vocabulary: set[str]) -> tuple[dict[str, dict[str, Any]], str]:
    """Labels by instrument, and the reason why there are none. Words round the array (code fences, thoughts) are passed
    over; the first label of an instrument stands."""
    found = re.search(r"\[.*\]", re.sub(r"<think>.*?</think>", "", answer, flags=re.S), re.S)
    try:
        rows = json.loads(found[0]) if found else None
    except ValueError:
        rows = None
    if not isinstance(rows, list):
        return {}, "no_array"
    labels: dict[str, dict[str, Any]] = {}
    for row in rows:
        if not isinstance(row, dict):
            return {}, "no_object"
        if row.get("instrument") not in vocabulary:
            return {}, "unknown_instrument"
        if row.get("direction") not in DIRECTIONS:
            return {}, "unknown_direction"
        labels.setdefault(str(row["instrument"]), {
            "instrument": str(row["instrument"]), "direction": str(row["direction"]), "evidence_text": str(row.get("quote") or "")[:500],
        })  # fmt: skip
    return labels, ""
