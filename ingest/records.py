"""Records of a live source: strict reading into declared columns, with books that balance.

Belongs here: what every connector's parser needs (a field map that knows every column, typed values, a
quarantine with reasons). Does not belong here: any one publisher's columns.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from ingest.declaration import (
    QUARANTINE_SCHEMA,
    BlockFile,
    FetchContext,
    Health,
    Parsed,
    RejectFile,
    SourceError,
    Table,
)
from ingest.text.scrub import is_person_column, redact
from ingest.text.values import FIRST_YEAR, SENTINELS, parse_date


def text(value: object) -> str | None:
    """A text without blanks at its ends; None for nothing and for the dash that registries write for it."""
    if value is None:
        return None
    found = str(value).strip()
    return None if found in ("", "-", "--", "null", "None") else found


def date(value: object) -> dt.date | None:
    """A day (`2011-06-30`, `19990727`, `2015-03-02T00:00:00Z`); None for nothing. Raises ValueError."""
    found = text(value)
    if found is None:
        return None
    parsed = parse_date(found)
    if parsed is None:
        return None
    if parsed.precision != "day":
        raise ValueError("no day")
    return dt.date.fromisoformat(parsed.iso)


class BadDate(ValueError):
    """A date that cannot be one of its field. `reason`: placeholder (what programs write for none), too_early, future,
    impossible (30 February), no_day (what is no day at all)."""

    def __init__(self, reason: str, message: str):
        super().__init__(message)
        self.reason = reason


def optional_date(latest: dt.date | None = None) -> Callable[[object], dt.date | None]:
    """A reader of days as `date`, for a column that may be blanked (`Column.blank`). Raises BadDate, which says of what
    kind a bad one is; a day after `latest` (if given) is in the future."""

    def read(value: object) -> dt.date | None:
        try:
            found = date(value)
        except ValueError as error:
            shown = str(value).strip()
            match = re.match(r"(\d{4})[-/.年]?(\d{1,2})[-/.月]?(\d{1,2})(?!\d)", shown)
            if match is None:
                reason = "no_day"
            elif f"{match[1]}-{int(match[2]):02d}-{int(match[3]):02d}" in SENTINELS:
                reason = "placeholder"
            else:
                reason = "too_early" if int(match[1]) < FIRST_YEAR else "impossible"
            raise BadDate(reason, str(error)) from None
        if found is not None and latest is not None and found > latest:
            raise BadDate("future", f"{found} lies after {latest}")
        return found

    return read


def as_day(value: str) -> str:
    """The digits of what looks like a day, after a blank; "" for anything else, which may be a person's name."""
    match = re.match(r"\s*(\d{4}[-/.年]?\d{1,2}[-/.月]?\d{1,2})(?!\d)", value)
    return f" {match[1]}" if match else ""


def whole(value: object) -> int | None:
    """A whole number, thousands separators allowed; None for nothing. Raises ValueError."""
    found = text(value)
    return None if found is None else int(found.replace(",", "").removesuffix(".0"))


def number(value: object) -> float | None:
    """A finite number; None for nothing. Raises ValueError."""
    found = text(value)
    if found is None:
        return None
    result = float(found.replace(",", ""))
    if result != result or result in (float("inf"), float("-inf")):
        raise ValueError("not finite")
    return result


#: What a reader expects, for people; never what came instead.
FORMS: Mapping[str, str] = {"date": "a day such as 2011-06-30 or 19990727", "whole": "a whole number", "number": "a finite number"}


@dataclass(frozen=True)
class Column:
    """How one landed column is read: from which field, by which reader, and whether it must be there. `blank`: a value
    that cannot be read is left out and counted, and its record stays; without it the record is held back."""

    name: str
    field: str
    read: Callable[[object], Any] = text
    required: bool = False
    blank: bool = False


@dataclass
class Books:
    """Reads records into one table; what cannot be read is quarantined, and nothing is lost.

    `known` are fields that the publisher sends and that are not stored by choice; any further field is a
    note. Values that were left out (`Column.blank`) are a note by column and reason, and stand in the row's own
    `blanked`, where the table has such a column. Raises RejectFile("schema_changed") where a field that a required
    column needs is absent from every record."""

    table: Table
    columns: tuple[Column, ...]
    known: frozenset[str] = frozenset()
    overlapping: bool = False  # whether the source is asked several questions whose answers overlap
    besides: bool = False  # whether its table stands beside others that must land without it: lost fields are a note
    rows: list[dict[str, Any]] = field(default_factory=list)
    held: list[dict[str, Any]] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    records_in: int = 0
    seen: set[str] = field(default_factory=set)
    keys: dict[tuple[Any, ...], dict[str, Any]] = field(default_factory=dict)
    blanks: dict[tuple[str, str], int] = field(default_factory=dict)  # (column, reason) -> values that were left out

    def add(self, record: Mapping[str, Any], page_key: str, extra: Mapping[str, Any] | None = None) -> bool:
        """Read one record; returns whether it was accepted. A record met twice word for word is counted and
        kept once (quarantine reason `repeated`); two records with one key and different content are held."""
        self.records_in += 1
        self.seen.update(record)
        row: dict[str, Any] = dict(extra or {})
        blanked: list[tuple[str, str, str]] = []
        for column in self.columns:
            try:
                row[column.name] = column.read(record.get(column.field))
            except (ValueError, TypeError) as error:  # its message quotes the value
                if column.blank and not column.required:
                    row[column.name] = None
                    blanked.append((column.name, getattr(error, "reason", "unreadable"), str(record.get(column.field))))
                    continue
                form = FORMS.get(column.read.__name__, f"what {column.name} takes")
                return self._hold(record, page_key, f"bad_{column.name}", f"{column.field}: expected {form}", column.name)
            if column.required and row[column.name] is None:
                return self._hold(record, page_key, f"missing_{column.name}", f"no {column.field}", column.name)
        if "blanked" in self.table.schema:
            said = [f"{name}: {reason}{as_day(value)}" for name, reason, value in blanked]
            row["blanked"] = "; ".join([*filter(None, [row.get("blanked")]), *said]) or None
        key = tuple(row[name] for name in self.table.key)
        if self.overlapping and self.keys.get(key) == row:
            self.records_in -= 1  # the same record found by two of our own questions is one record
            return True
        if key in self.keys:
            same = self.keys[key] == row
            return self._hold(record, page_key, "repeated" if same else "conflicting",
                              f"a record of the same {', '.join(self.table.key)} was met before")  # fmt: skip
        self.keys[key] = row
        self.rows.append(row)
        for name, reason, _ in blanked:
            self.blanks[name, reason] = self.blanks.get((name, reason), 0) + 1
        return True

    def refuse(self, record: Mapping[str, Any], page_key: str, reason: str, detail: str, column: str = "") -> None:
        """Count a record and hold it back. `detail` is published: it says what was expected and quotes no value."""
        self.records_in += 1
        self.seen.update(record)
        self._hold(record, page_key, reason, detail, column)

    def _hold(self, record: Mapping[str, Any], page_key: str, reason: str, detail: str, column: str = "") -> bool:
        self.held.append(
            {
                "page_key": page_key, "record": self.records_in, "reason": reason, "column": column or None,
                "detail": redact(detail)[:300], "payload": self._payload(record),
            }
        )  # fmt: skip
        return False

    def _payload(self, record: Mapping[str, Any]) -> str:
        """What is kept of a held record: its declared fields without personal data. A typed field that does not read holds
        no value, and may hold anything else: it is left out."""
        kept: dict[str, str] = {}
        for column in self.columns:
            value = record.get(column.field)
            if value is None or is_person_column(column.field):
                continue
            if column.read is not text:
                try:
                    column.read(value)
                except (ValueError, TypeError):
                    continue
            kept[column.field] = redact(str(value))
        return json.dumps(kept, ensure_ascii=False)[:4000]

    def check_columns(self) -> None:
        """Judge the fields met so far against the declaration."""
        if not self.records_in:
            return
        if self.blanks:
            counted = ", ".join(f"{name} {reason} {n}" for (name, reason), n in sorted(self.blanks.items()))
            self.notes["blanked"] = f"{self.table.name}: values left out, their records kept: {counted}"
        missing = sorted({c.field for c in self.columns if c.required} - self.seen)
        if missing and self.besides:
            self.notes["schema_changed"] = f"{self.table.name}: no record has the field {', '.join(missing)}"
            return
        if missing:
            raise RejectFile("schema_changed", f"{self.table.name}: field {', '.join(missing)} has gone")
        gone = sorted({c.field for c in self.columns} - self.seen)
        if gone:
            self.notes["absent"] = f"{self.table.name}: fields that did not come: {', '.join(gone)}"
        new = sorted(self.seen - {c.field for c in self.columns} - self.known)
        if new:
            self.notes["not_stored"] = f"{self.table.name}: unknown fields, not stored: {redact(', '.join(new))[:500]}"

    def frame(self) -> pl.DataFrame:
        """The accepted rows in the declared columns, sorted by key, so that page order changes no byte."""
        frame = pl.DataFrame(self.rows, schema=dict(self.table.schema), orient="row")
        return frame.sort(self.table.key) if self.table.key else frame

    def quarantine(self) -> pl.DataFrame:
        return pl.DataFrame(self.held, schema=QUARANTINE_SCHEMA)


def balance(books: Iterable[Books], notes: Iterable[tuple[str, str]] = ()) -> Parsed:
    """The Parsed of a partition from the books of its tables."""
    shelf = list(books)
    for book in shelf:
        book.check_columns()
    return Parsed(
        tables={book.table.name: book.frame() for book in shelf},
        records_in=sum(book.records_in for book in shelf),
        accepted=sum(len(book.rows) for book in shelf),
        quarantine=pl.concat([book.quarantine() for book in shelf]),
        notes=[*notes, *((code, detail) for book in shelf for code, detail in book.notes.items())],
    )


def stood_before(context: FetchContext, partition: str) -> int:
    """How many rows of a partition stand landed now; 0 where none ever did."""
    stands = context.landed.of(partition)
    return sum(stands.tables.values()) if stands is not None else 0


def refuse_nothing(context: FetchContext, source: str, partition: str, found: int) -> None:
    """An empty answer never replaces records. Raises SourceError(empty)."""
    before = stood_before(context, partition)
    if found == 0 and before:
        raise SourceError(Health.empty, f"{source} {partition}: an empty answer, where {before} rows stand")


def items(value: object, where: str) -> list[dict[str, Any]]:
    """`value` as a list of objects. Raises RejectFile("schema_changed")."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise RejectFile("schema_changed", f"{where}: not a list of objects")
    return value


def at(value: object, *path: str) -> Any:
    """The value down a path of objects; None where any step is missing."""
    for step in path:
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value


def expect_total(found: int, stated: int, where: str) -> None:
    """Refuse a snapshot that holds fewer (or more) records than its publisher counts: paging caps and
    restarts between pages truncate without a word. Raises BlockFile("incomplete")."""
    if found != stated:
        raise BlockFile("incomplete", f"{where}: {found} records, the publisher counts {stated}")
