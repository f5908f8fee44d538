"""From a file of the inbox to scrubbed records: what the raw store keeps of it.

Belongs here: reading within sizes, columns by their names, personal data taken out. Does not belong here: what a value must be
(judge.py), where files lie (shelf.py).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ingest.declaration import BlockFile, RejectFile
from ingest.files.open import open_table
from ingest.files.records import NumberText, Record
from ingest.text.scrub import is_mobile_number, redact
from ingest.text.values import FALSE as FALSE_WORDS
from ingest.text.values import TRUE as TRUE_WORDS
from sources.inbox.cells import BY_KIND, SHAPES, Shape, kept, word_of
from sources.inbox.kinds import SCHEMAS, Columns, map_columns, missing_columns
from sources.inbox.texts import is_mojibake
from sources.inbox.words import ACTIONS, OUTPUT_PRODUCTS, POWERTRAINS

FORMAT = 3  # of the scrubbed records in the raw store; a change makes the inbox read its files anew

MAX_TEXT = 32_767  # characters of a field: what a spreadsheet's cell can hold
MAX_LONG_TEXT = 2_000_000  # of a policy's full text
LONG_TEXT = ("content_zh",)


ScrubbedRecord = tuple[int, dict[str, Any] | None, str, str, str, dict[str, str]]


@dataclass
class Scrubbed:
    """A file as the raw store keeps it: what was understood of it, and its records without personal data.

    A record is (number, values by column or None, reason, detail, payload, faults by column)."""

    meta: dict[str, Any]
    records: list[ScrubbedRecord]

    def to_bytes(self) -> bytes:
        lines = [self.meta, *self.records]
        text = "\n".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) for line in lines)
        return (text + "\n").encode("utf-8", "surrogatepass")  # damaged characters stay damaged, to be named

    @classmethod
    def from_bytes(cls, body: bytes) -> Scrubbed:
        meta, *rows = (json.loads(line) for line in body.decode("utf-8", "surrogatepass").split("\n") if line)
        records: Any = [tuple(row) for row in rows]
        return cls(dict(meta), records)


def read(
    path: Path, kind: str, media: str, manifest: Mapping[str, Any] | None = None, workdir: Path | None = None
) -> Scrubbed:
    """Read a tabular file strictly and take personal data out. Raises RejectFile or BlockFile with its reason.

    A cell that is not of its column's type is replaced by its length (sources.inbox.cells). `manifest` is what a sidecar
    says of the file (rows, bytes, sha256, previous_rows …)."""
    manifest = dict(manifest or {})
    check_bytes(path, manifest)
    found = open_table(path, media, workdir)
    scrubber = Scrubber(kind, found.media, found.header)
    records = [scrubber.scrub(record) for record in found.records]
    scrubber.finish(len(records), manifest)
    meta = scrubber.meta(found.encoding, [*found.flags, *unended(path, media)], manifest)
    return Scrubbed(meta, records)


class Scrubber:
    """Records of one file in the columns of its kind, without personal data. Raises RejectFile (`missing_column`,
    `too_many_columns`) for a header that cannot be a file of the kind."""

    def __init__(self, kind: str, media: str, header: list[str]):
        self.kind, self.media = kind, media
        self.columns = map_columns(kind, header)
        if media != "jsonl":
            check_columns(kind, self.columns, header)
        self.shapes = shapes_of(kind)
        self.known = self._known()

    def _known(self) -> dict[str, str | None]:
        columns = self.columns
        known: dict[str, str | None] = dict(columns.mapped)
        known.update(dict.fromkeys([*columns.personal, *columns.unknown, *columns.shadowed]))
        return known

    def scrub(self, record: Record) -> ScrubbedRecord:
        """One record as the raw store keeps it: free text redacted, typed cells only where they are of their type
        (sources.inbox.cells says why)."""
        if record.values is None:
            # of a record whose columns are not sure, nothing is kept: any of its words may be in a column about persons
            return (record.number, None, record.reason, redact(record.detail), "", {})
        if self.media == "jsonl" and not record.values.keys() <= self.known.keys():
            self.columns = map_columns(self.kind, dict.fromkeys([*self.known, *record.values]))
            self.known = self._known()
            if len(self.known) > 500:
                raise RejectFile("too_many_columns", f"{len(self.known)} keys")
        values: dict[str, Any] = {}
        faults: dict[str, str] = {}
        for header, column in self.known.items():
            if column is None or header not in record.values:
                continue
            value = record.values[header]
            if header in record.faults:
                faults[column] = record.faults[header]
            elif self.media == "json" and isinstance(value, NumberText) and column in ("name_zh", "title_zh", "issuer"):
                faults[column] = "bad_type"
            if value is None:
                continue
            value, shape, most = str(value), self.shapes.get(column), MAX_LONG_TEXT if column in LONG_TEXT else MAX_TEXT
            if len(value) > most:
                value, faults[column] = value[:200], "field_too_long"
            value = redact(value) if shape is None else kept(shape, value, is_mojibake)
            values[column] = value[:100] if faults.get(column) == "field_too_long" else value
        return (record.number, values, "", "", "", faults)

    def finish(self, count: int, manifest: Mapping[str, Any]) -> None:
        """Judge the file once all of its `count` records were read. Raises BlockFile or RejectFile."""
        if self.media == "jsonl":
            check_columns(self.kind, self.columns, list(self.known))
        if not count:
            raise BlockFile("empty_snapshot", "a header and no record")
        rows = manifest.get("rows")
        if rows is not None and int(rows) != count:
            raise RejectFile("truncated" if count < int(rows) else "count_mismatch",
                             f"the manifest says {rows} records, {count} are there")  # fmt: skip

    def meta(self, encoding: str, flags: list[str], manifest: Mapping[str, Any]) -> dict[str, Any]:
        """What was understood of the file: the first line of its scrubbed form."""
        columns = self.columns
        flags = [*flags, *(f"schema_drift:added:{shown(name)}" for name in columns.unknown)]
        flags += [f"same_column_twice:{shown(name)}" for name in columns.shadowed]
        if columns.personal:
            flags.append(f"personal_columns_dropped:{len(columns.personal)}")
        return {
            "format": FORMAT, "kind": self.kind, "media": self.media, "encoding": encoding,
            "columns": {redact(header): column for header, column in columns.mapped.items()},
            "dropped": [shown(name) for name in columns.personal],
            "units": {column: redact(unit) for column, unit in columns.units.items()}, "flags": flags,
            "manifest": said_of(manifest),
        }  # fmt: skip


def shown(header: str) -> str:
    """The name of a column as it may be written down: a header goes through the same scrub as a cell."""
    return redact(header)[:60]


#: What a sidecar may say of a file, and the shape of it: nothing else of it is kept.
_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,6})?")
MANIFEST_SHAPES = {
    **dict.fromkeys(("rows", "bytes", "previous_rows", "threshold", "cities"), _NUMBER),
    "sha256": re.compile("[0-9A-Fa-f]{64}"), "accept_anomalies": re.compile("[a-z_:]{1,40}"),
}  # fmt: skip


def said_of(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a sidecar: numbers, a digest, codes of anomalies, and `previous` with numbers."""
    found: dict[str, Any] = {}
    for key, value in manifest.items():
        shape = MANIFEST_SHAPES.get(key)
        if key == "previous" and isinstance(value, Mapping):
            found[key] = said_of({k: v for k, v in value.items() if k in ("rows", "cities")})
        elif key == "accept_anomalies" and isinstance(value, list):
            found[key] = [v for v in value if isinstance(v, str) and shape and shape.fullmatch(v)]
        elif shape and shape.fullmatch(str(value)) and not (shape is _NUMBER and is_mobile_number(str(value))):
            found[key] = value
    return found


def check_bytes(path: Path, manifest: Mapping[str, Any]) -> None:
    size = path.stat().st_size
    if size == 0:
        raise RejectFile("empty_file", "no bytes")
    if (said := manifest.get("bytes")) is not None and int(said) != size:
        raise RejectFile("truncated" if size < int(said) else "digest_mismatch",
                         f"the manifest says {said} bytes, {size} are there")  # fmt: skip
    if said := manifest.get("sha256"):
        with open(path, "rb") as handle:
            if hashlib.file_digest(handle, "sha256").hexdigest() != str(said).lower():
                raise RejectFile("digest_mismatch", "the manifest names another sha256")


#: Of delimited text whose last line has no end, while others have one: it may be cut inside its last field.
UNENDED = "last_line_without_end"


def unended(path: Path, media: str) -> list[str]:
    """[UNENDED] for a CSV file that ends within a line. What is cut between fields or within a quote is refused by its
    reader; a value that is cut inside shows nowhere else. (A gzip or Parquet file has an end of its own.)"""
    if media != "csv":
        return []
    with open(path, "rb") as handle:
        handle.seek(max(0, path.stat().st_size - 2))
        end = handle.read()
    return [] if end[-1:] in (b"\n", b"\r") or end in (b"\n\0", b"\r\0") else [UNENDED]


def check_columns(kind: str, columns: Columns, header: list[str]) -> None:
    missing = missing_columns(kind, columns)
    if not missing:
        return
    hint = ""
    if len(header) == 1 and (sign := re.search(r"[;\t|，]", header[0])):
        hint = f"; the columns seem to be separated by {sign[0]!r}, not by commas"
    elif not columns.mapped:  # a first record, perhaps: its cells are not to be told
        hint = f"; none of the {len(header)} names in the first line is known: is it a header?"
    elif columns.unknown:
        hint = "; unexpected: " + ", ".join(shown(name)[:40] for name in columns.unknown[:10])
    raise RejectFile("missing_column", f"{kind} needs {', '.join(missing)}{hint}")


#: Typed columns that take words of a list, and how judging reads them.
_WORDS: dict[str, Shape] = {
    "powertrain": word_of(POWERTRAINS), "powertrain_at_opening": word_of(POWERTRAINS), "action": word_of(ACTIONS),
    "converted_from_ice": word_of({"partial", "partly", "部分", "部分转产", *TRUE_WORDS, *FALSE_WORDS}),
}  # fmt: skip
_WORDS_BY_KIND: dict[str, dict[str, Shape]] = {"city_output": {"product": word_of(OUTPUT_PRODUCTS)}}


@cache
def shapes_of(kind: str) -> dict[str, Shape]:
    """The typed columns of a kind, each with the test of what its cells may hold; all its other columns are free text."""
    known = {**SHAPES, **_WORDS, **BY_KIND.get(kind, {}), **_WORDS_BY_KIND.get(kind, {})}
    return {column: known[column] for column in SCHEMAS[kind] if column in known}
