"""Delimited text: lines, quotes, headers and records.

Belongs here: CSV as people and registries write it. Does not belong here: its encoding (encodings.py), what columns mean (the inbox).
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import IO, Protocol

from ingest.declaration import RejectFile
from ingest.files.encodings import detect_encoding, sniff
from ingest.files.records import MAX_COLUMNS, MAX_LINE, FileRead, Record, check_header

MAX_QUOTED_LINES = 1000  # physical lines of one quoted record


class TextLines:
    """Physical lines of a text file with their terminators, one number each, and room to put lines back."""

    def __init__(self, stream: IO[bytes], encoding: str):
        # UTF-16 has no way to carry undecodable bytes through, so there they become U+FFFD
        errors = "replace" if encoding.startswith("utf-16") else "surrogateescape"
        self.text = io.TextIOWrapper(stream, encoding=encoding, errors=errors, newline="")
        self.back: list[tuple[str, bool]] = []

    def next(self) -> tuple[str, bool]:
        """(line, overlong); an empty line text means the end. Of an overlong line only the head is kept."""
        if self.back:
            return self.back.pop()
        line = self.text.readline(MAX_LINE)
        if len(line) < MAX_LINE or line.endswith(("\n", "\r")):
            return line, False
        while True:
            more = self.text.readline(MAX_LINE)
            if not more or more.endswith(("\n", "\r")):
                break
        return line[:1000] + ("\n" if more else ""), True


def split_line(line: str) -> list[str] | str:  # noqa: C901 - a machine of two states over one line, run for every line that has quotes
    """The fields of one CSV record by RFC 4180, or "open" when a quoted field has not ended, or "malformed" when
    a closing quote is followed by anything but a comma. A quote inside an unquoted field is itself."""
    if '"' not in line:
        return line.split(",")
    fields: list[str] = []
    i, n = 0, len(line)
    while True:
        if i < n and line[i] == '"':
            parts: list[str] = []
            i += 1
            while True:
                j = line.find('"', i)
                if j < 0:
                    return "open"
                parts.append(line[i:j])
                if line.startswith('"', j + 1):
                    parts.append('"')
                    i = j + 2
                    continue
                i = j + 1
                break
            fields.append("".join(parts))
            while i < n and line[i] == " ":
                i += 1
            if i == n:
                return fields
            if line[i] != ",":
                return "malformed"
            i += 1
        else:
            j = line.find(",", i)
            if j < 0:
                fields.append(line[i:])
                return fields
            fields.append(line[i:j])
            i = j + 1


_CODE = re.compile(r"[0-9A-Z]{15,20}")


def _looks_like_record(line: str, width: int) -> bool:
    """Whether a line inside a quoted field is itself a whole record: then the quote was never meant to be open."""
    fields = split_line(line.rstrip("\r\n"))
    return isinstance(fields, list) and len(fields) == width > 1 and any(_CODE.fullmatch(f) for f in fields[:3])


#: (fields, reason, raw text, whether the text closed with a line end) of one physical record.
FoundRecord = tuple[list[str] | None, str, str, bool]


class Lines(Protocol):
    """Physical lines one by one, with room to put some back."""

    back: list[tuple[str, bool]]

    def next(self) -> tuple[str, bool]:
        """(line with its end, whether it was overlong and cut); an empty line text means the end."""


def next_record(lines: Lines, width: int) -> FoundRecord | None:  # noqa: C901 - one record: its ways to end early share the lines read so far
    """(fields, reason, raw text, ended) of the next record that is not a blank line, or None at the end.

    `ended`: the text closed with a line end. A quote that is never closed costs the line it stands on, and
    no other: the lines after it are put back and read again."""
    while True:
        line, overlong = lines.next()
        if not line:
            return None
        if overlong:
            return None, "field_too_long", line, line.endswith("\n")
        if line.strip():
            break
    raw = line.rstrip("\r\n")
    ended = len(raw) < len(line)
    fields = split_line(raw)
    if isinstance(fields, list):
        return fields, "", raw, ended
    if fields == "malformed":
        return None, "malformed_quote", raw, ended
    taken: list[tuple[str, bool]] = []
    text, size = line, len(line)
    while len(taken) < MAX_QUOTED_LINES and size < MAX_LINE:
        more, long = lines.next()
        if not more:
            break
        taken.append((more, long))
        size += len(more)
        if long or (width and _looks_like_record(more, width)):
            break
        text += more
        if '"' in more:
            body = text.rstrip("\r\n")
            fields = split_line(body)
            if isinstance(fields, list):
                if width and len(fields) != width:
                    break
                return fields, "", body, len(body) < len(text)
            if fields == "malformed":
                break
    lines.back.extend(reversed(taken))
    return None, "unclosed_quote", raw, ended


def open_csv(stream: IO[bytes], media: str = "csv") -> FileRead:
    what = sniff(stream.read(4096))
    if what:
        raise RejectFile("not_csv", f"the file is {what}")
    encoding = detect_encoding(stream)
    lines = TextLines(stream, encoding)
    header = csv_header(next_record(lines, 0))
    return FileRead(media, encoding, header, _csv_records(lines, header))


def csv_header(first: FoundRecord | None) -> list[str]:
    """The header of a delimited file from its first record. Raises RejectFile."""
    if first is None:
        raise RejectFile("empty_file", "no header and no record")
    header, reason, _, _ = first
    if header is None:
        raise RejectFile("malformed_header", reason)
    if len(header) > MAX_COLUMNS:
        raise RejectFile("too_many_columns", f"{len(header)} columns, at most {MAX_COLUMNS}")
    header = [name.strip() for name in header]
    while header and not header[-1]:  # spreadsheets leave commas behind
        header.pop()
    if any("\0" in name or any("\udc80" <= c <= "\udcff" for c in name) for name in header):
        raise RejectFile("not_csv", "the header is no text")
    check_header(header)
    return header


def _csv_records(lines: TextLines, header: list[str]) -> Iterator[Record]:
    number = 0
    while (found := next_record(lines, len(header))) is not None:
        number += 1
        yield csv_record(number, found, header)


def csv_record(number: int, found: FoundRecord, header: list[str]) -> Record:
    """What `next_record` found as a record with its values or its reason. Raises RejectFile `truncated`."""
    width = len(header)
    fields, reason, raw, ended = found
    if fields is not None and len(fields) > width and not any(f.strip() for f in fields[width:]):
        fields = fields[:width]
    if fields is not None and len(fields) < width:
        reason = "too_few_columns"
    elif fields is not None and len(fields) > width:
        reason = "too_many_columns"
    if reason:
        if not ended and reason in ("too_few_columns", "unclosed_quote"):
            raise RejectFile("truncated", f"the file ends within record {number}")
        count = len(fields) if fields is not None else 0
        return Record(number, None, reason, f"{count} of {width} columns" if count else "", raw[:2000])
    assert fields is not None
    if not ended and raw and "\udc80" <= raw[-1] <= "\udcff":
        raise RejectFile("truncated", f"the file ends within a character of record {number}")
    if not any(f.strip() for f in fields):
        return Record(number, None, "empty_record", "", "")
    return Record(number, dict(zip(header, fields, strict=True)))
