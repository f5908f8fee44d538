"""JSON and JSON lines: strict, within a depth and a size.

Belongs here: the one strict parser, lists of records in a document. Does not belong here: what a site's answer means (the sources).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from ingest.declaration import BlockFile, RejectFile
from ingest.files.delimited import TextLines
from ingest.files.encodings import BOMS, decodes, detect_encoding, sniff
from ingest.files.records import MAX_COLUMNS, MIB, FileRead, NumberText, Record

MAX_DEPTH = 64
MAX_JSON = 64 * MIB


class _Doubled(dict[str, Any]):
    """An object that names a key twice."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else _Doubled(found)


def _constant(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def loads(text: str) -> Any:
    """JSON by the letter: no NaN, no Infinity, numbers as NumberText, doubled keys marked. Raises ValueError."""
    return json.loads(
        text, object_pairs_hook=_pairs, parse_constant=_constant, parse_int=NumberText, parse_float=NumberText
    )


def json_fault(error: Exception) -> str:
    """What is wrong with a JSON text, and where; never what stands there."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} (line {error.lineno}, column {error.colno})"
    return "nested too deep" if isinstance(error, RecursionError) else "NaN or Infinity"


_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', re.S)


def depth_of(text: str, most: int = MAX_DEPTH) -> int:
    """How deep brackets nest outside strings; stops counting once `most` is passed."""
    depth = deepest = 0
    for match in _BRACKETS.finditer(text):
        sign = match[0]
        if sign in "[{":
            depth += 1
            if depth > deepest:
                deepest = depth
                if deepest > most:
                    return deepest
        elif sign in "]}":
            depth -= 1
    return deepest


_LISTS = ("rows", "data", "records", "list", "items", "results", "result", "content", "value", "values")
_TOTALS = ("total", "totalcount", "total_count", "count", "recordcount", "totalrecords", "totalelements", "size_total")


def open_json(path: Path) -> FileRead:  # noqa: C901 - the checks of one document, one after the other, each with its reason
    size = path.stat().st_size
    if size > MAX_JSON:
        raise RejectFile("too_large", f"{size} bytes of one JSON document; bring JSON lines or Parquet")
    body = path.read_bytes()
    encoding = _json_encoding(body)
    text = body.decode(encoding)
    if not text.strip():
        raise RejectFile("empty_file", "nothing but blanks")
    if sniff(body[:200]) not in ("", "JSON"):
        raise RejectFile("wrong_type", f"the file is {sniff(body[:200])}")
    if depth_of(text) > MAX_DEPTH:
        raise RejectFile("too_deep", f"nested deeper than {MAX_DEPTH}")
    try:
        top = loads(text)
    except (ValueError, RecursionError) as error:
        raise RejectFile("invalid_json", json_fault(error)) from None
    rows, totals = _rows_of(top)
    for name, total in totals:
        if total != len(rows):
            raise RejectFile("count_mismatch", f"{name} says {total}, {len(rows)} records are there")
    if not rows:
        raise BlockFile("empty_snapshot", "a list without records")
    if not any(isinstance(row, dict) for row in rows):
        raise RejectFile("unexpected_shape", "a list of something else than objects")
    header = list(dict.fromkeys(key for row in rows if isinstance(row, dict) for key in row))
    if len(header) > MAX_COLUMNS:
        raise RejectFile("too_many_columns", f"{len(header)} keys, at most {MAX_COLUMNS}")
    return FileRead("json", encoding, header, (json_record(i, row) for i, row in enumerate(rows, 1)))


def _json_encoding(body: bytes) -> str:
    for bom, name in BOMS:
        if body.startswith(bom):
            candidates: tuple[str, ...] = (name,)
            break
    else:
        candidates = ("utf-8", "gb18030")
    for name in candidates:
        if decodes(body, name):
            return name
    raise RejectFile("invalid_encoding", f"the file is not {' nor '.join(candidates)}")


def _rows_of(top: Any) -> tuple[list[Any], list[tuple[str, int]]]:
    """The list of records in a document, and what the objects around it say their number is."""
    if isinstance(top, list):
        return top, []
    totals: list[tuple[str, int]] = []
    for _ in range(3):
        if not isinstance(top, dict):
            break
        for key, value in top.items():
            if key.lower() in _TOTALS and isinstance(value, NumberText) and value.isdigit() and len(value) < 12:
                totals.append((key, int(value)))
        inner = [top[key] for key in top if key.lower() in _LISTS and isinstance(top[key], list | dict)]
        lists = [value for value in inner if isinstance(value, list)]
        if len(lists) == 1:
            return lists[0], totals
        if len(lists) > 1 or len(inner) != 1:
            break
        top = inner[0]
    raise RejectFile("unexpected_shape", "neither a list of records nor an object that holds one")


def json_record(number: int, row: Any) -> Record:
    """One JSON object as a record: scalars as text, lists and objects as faults of their cell."""
    if not isinstance(row, dict):
        return Record(number, None, "bad_type", f"a {type(row).__name__} where an object should be")
    if isinstance(row, _Doubled):
        return Record(number, None, "duplicate_key", "a key stands twice", json.dumps(row, ensure_ascii=True)[:2000])
    values: dict[str, str | None] = {}
    faults: dict[str, str] = {}
    for key, value in row.items():
        if value is None or isinstance(value, str):
            values[key] = value
        elif isinstance(value, bool):
            values[key] = "true" if value else "false"
        else:
            values[key], faults[key] = None, "bad_type"
    return Record(number, values, faults=faults)


def open_jsonl(stream: IO[bytes]) -> FileRead:
    what = sniff(stream.read(4096))
    if what not in ("", "JSON"):
        raise RejectFile("wrong_type", f"the file is {what}")
    encoding = detect_encoding(stream)
    return FileRead("jsonl", encoding, [], _jsonl_records(TextLines(stream, encoding)))


def _jsonl_records(lines: TextLines) -> Iterator[Record]:
    number = 0
    while True:
        line, overlong = lines.next()
        if not line:
            return
        text = line.strip()
        if not text:
            continue
        number += 1
        if overlong:
            yield Record(number, None, "field_too_long", "", text[:2000])
        elif any("\udc80" <= c <= "\udcff" for c in text):
            yield Record(number, None, "invalid_encoding", "", text[:2000])
        elif depth_of(text) > MAX_DEPTH:
            yield Record(number, None, "too_deep", f"nested deeper than {MAX_DEPTH}", text[:200])
        else:
            try:
                row = loads(text)
            except (ValueError, RecursionError) as error:
                if not line.endswith(("\n", "\r")):
                    raise RejectFile("truncated", f"the file ends within line {number}") from None
                yield Record(number, None, "invalid_json", f"line {number}: {json_fault(error)}", text[:2000])
            else:
                yield json_record(number, row)
