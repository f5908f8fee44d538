"""What the hand-made sources share: reading a bundled CSV, the words of support, and quarantine by record.

Belongs here: helpers of two or more curated sources. Does not belong here: what a column means.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import polars as pl

from ingest.declaration import QUARANTINE_SCHEMA, Page
from ingest.text.scrub import is_person_column, redact


def declared_day(data: Path) -> str:
    """The day to which bundled data speak, from `as_of.txt` beside them, as ISO text. Whoever changes a fact moves it: a clone
    made in another year must not age the facts. Raises ValueError where the file does not hold one day."""
    text = (data / "as_of.txt").read_text("utf-8").strip()
    return dt.date.fromisoformat(text).isoformat()


def records(page: Page) -> list[dict[str, str]]:
    """The records of a bundled UTF-8 CSV, blanks trimmed. A ragged row raises ValueError: the file is ours."""
    reader = csv.DictReader(io.StringIO(page.body.decode("utf-8-sig")), strict=True)
    rows = []
    for number, row in enumerate(reader, start=2):
        if None in row or None in row.values():
            raise ValueError(f"{page.key} line {number}: wrong number of cells")
        rows.append({k: (v or "").strip() for k, v in row.items()})
    return rows


def support_of(text: str) -> tuple[str, str]:
    """A support cell -> (word, reference): "seen:https://x" -> ("seen", "https://x"). What names no support
    counts as recalled: a fact is never promoted by silence."""
    word, _, reference = text.partition(":")
    if word.strip() in ("seen", "derived", "recalled"):
        return word.strip(), reference.strip()
    return "recalled", text.strip()


def first_url(text: str) -> str | None:
    """The first address in a text."""
    found = re.search(r"https?://[^\s;,\"]+", text)
    return found.group(0).rstrip(").") if found else None


def year_of(text: str) -> int | None:
    """A four-digit year that leads a text ("2016-06"), or None."""
    found = re.match(r"\s*((?:18|19|20)\d\d)\b", text)
    return int(found.group(1)) if found else None


def number_of(text: str) -> float | None:
    """A plain number, thousands commas allowed, or None."""
    try:
        return float(text.replace(",", "")) if text else None
    except ValueError:
        return None


def blank(text: str) -> str | None:
    return text or None


class BadCell(ValueError):
    """A record that is not taken because of a column: `reason` is a short code, `detail` says what was expected. It never
    quotes the value, since readers see it."""

    def __init__(self, reason: str, column: str = "", detail: str = ""):
        super().__init__(f"{reason}: {column}")
        self.reason, self.column, self.detail = reason, column, detail


class Books:
    """Accepted and quarantined records of one parse."""

    def __init__(self) -> None:
        self.records_in = 0
        self.accepted = 0
        self.held: list[dict[str, Any]] = []

    def take(self, page: Page, rows: Iterable[dict[str, str]], read: Callable[[dict[str, str]], None]) -> None:
        """Read each row; a BadCell holds the row back with its reason, and any other ValueError as `bad_value`."""
        for number, row in enumerate(rows, start=1):
            self.records_in += 1
            try:
                read(row)
            except ValueError as error:
                known = error if isinstance(error, BadCell) else BadCell("bad_value", detail="a cell does not read")
                # where the column at fault is not known, no cell is sure to be what its header says
                said = {k: redact(v) for k, v in row.items() if known.column and k != known.column and not is_person_column(k)}
                self.held.append(
                    {
                        "page_key": page.key, "record": number, "reason": known.reason, "column": known.column or None,
                        "detail": redact(known.detail), "payload": json.dumps(said, ensure_ascii=False),
                    }
                )  # fmt: skip
            else:
                self.accepted += 1

    def quarantine(self) -> pl.DataFrame:
        return pl.DataFrame(self.held, schema=QUARANTINE_SCHEMA)


def choose(value: str, allowed: Iterable[str], name: str) -> str:
    """`value` if it is in the vocabulary; BadCell("unknown_<name>") otherwise."""
    if value not in allowed:
        words = sorted(map(str, allowed))
        raise BadCell(f"unknown_{name}", name, f"expected one of {', '.join(words)}" if len(words) <= 12 else "a word that the list has not")
    return value
