"""Reading files that nobody vouches for: delimited text, JSON, Parquet, workbooks, gzip.

Belongs here: size and depth caps, encodings, and records counted one by one, so that each physical record is
either given back or named with the reason why not. Does not belong here: what the columns mean (the inbox
knows), nor documents such as pages and PDFs (ingest.web.documents).

Messages say what is wrong and where (record, column, line), and never what stands there: libraries' own texts quote names of
members, columns and cells, so that only the type of their errors is told.

Nothing is ever extracted to a name found in a file, no archive is opened to disk, no cell is evaluated.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import re
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol

from isal import igzip_lib, isal_zlib

from ingest.declaration import BlockFile, RejectFile

MIB = 1 << 20
MAX_COLUMNS = 500
MAX_LINE = 4 * MIB  # characters of one physical line
MAX_QUOTED_LINES = 1000  # physical lines of one quoted record
MAX_DEPTH = 64
MAX_JSON = 64 * MIB
MAX_RATIO = 200  # decoded to coded bytes, counted past RATIO_FLOOR; registry text compresses 6- to 30-fold
RATIO_FLOOR = 10 * MIB
MAX_DECODED = 64 << 30
MAX_XLSX = 512 * MIB
MAX_MEMBERS = 1000


class NumberText(str):
    """A JSON or workbook number, kept as the text it was written as."""


@dataclass
class Record:
    """One physical record: its values by header, or the reason why it has none.

    `faults` names single cells that cannot be taken (a formula, a list): header -> reason."""

    number: int  # 1 for the first record after the header
    values: dict[str, str | None] | None = None
    reason: str = ""
    detail: str = ""
    payload: str = ""
    faults: dict[str, str] = field(default_factory=dict)


@dataclass
class FileRead:
    """An opened file: its kind, encoding and header, and its records as they are read. Iterating may raise
    RejectFile, since a cut file shows only at its end."""

    media: str
    encoding: str
    header: list[str]
    records: Iterator[Record]
    flags: list[str] = field(default_factory=list)


def media_of(name: str) -> str:
    """The kind of file that a name says: csv, csv.gz, jsonl, json, parquet, xlsx, zip, html, xml, pdf, or ""."""
    low = name.lower()
    for ending, media in (
        (".csv.gz", "csv.gz"), (".gz", "csv.gz"), (".csv", "csv"), (".jsonl", "jsonl"), (".ndjson", "jsonl"),
        (".json", "json"), (".parquet", "parquet"), (".xlsx", "xlsx"), (".zip", "zip"), (".html", "html"),
        (".htm", "html"), (".xml", "xml"), (".pdf", "pdf"),
    ):  # fmt: skip
        if low.endswith(ending):
            return media
    return ""


TABULAR = ("csv", "csv.gz", "jsonl", "json", "parquet", "xlsx")


def open_table(path: Path, media: str, workdir: Path | None = None) -> FileRead:
    """Open a tabular file of kind `media`. Raises RejectFile with the reason when it cannot be taken as a whole."""
    if path.stat().st_size == 0:
        raise RejectFile("empty_file", "no bytes")
    if media == "csv":
        return _open_csv(open(path, "rb"))  # closed by the reader
    if media == "csv.gz":
        return _open_csv(gunzip(path, workdir), media="csv.gz")
    if media == "jsonl":
        return _open_jsonl(open(path, "rb"))
    if media == "json":
        return _open_json(path)
    if media == "xlsx":
        return _open_xlsx(path)
    if media == "parquet":
        return _open_parquet(path)
    raise RejectFile("unsupported_type", f"{path.suffix or 'no ending'} is none of {', '.join(TABULAR)}")


# -- gzip ------------------------------------------------------------------------------------------------
def gunzip(path: Path, workdir: Path | None = None, max_bytes: int = MAX_DECODED) -> IO[bytes]:
    """The decoded bytes of a gzip file as an anonymous temporary file, at its start.

    Sizes are counted on the stream. Raises RejectFile: `decompressed_too_large` beyond the ratio or size cap,
    `bad_archive` for a cut stream, a wrong checksum, or anything that follows the last member."""
    out = tempfile.SpooledTemporaryFile(max_size=16 * MIB, dir=str(workdir) if workdir else None)
    try:
        gunzip_into(path, out, max_bytes)
    except BaseException:
        out.close()
        raise
    out.seek(0)
    return out


def gunzip_into(path: Path, out: Any, max_bytes: int = MAX_DECODED) -> int:
    """Decode `path` into the open file `out`; returns the decoded bytes. Errors as for `gunzip`."""
    read = written = 0
    least = min(MIB, path.stat().st_size)  # a beginning that packs well says nothing of the whole
    decoder: Any = None

    def inflate(chunk: bytes) -> bytes:
        nonlocal written
        try:
            data: bytes = decoder.decompress(chunk, 4 * MIB)
        except igzip_lib.IsalError as error:  # type: ignore[misc]  # its stub calls the class an instance
            raise RejectFile("bad_archive", f"gzip: {error}") from None
        written += len(data)
        if written > max_bytes or (written > RATIO_FLOOR and written > MAX_RATIO * max(read, least)):
            raise RejectFile("decompressed_too_large", f"{written} bytes out of {read} and more to come")
        out.write(data)
        return data

    with open(path, "rb") as source:
        pending = b""
        while True:
            chunk = pending or source.read(MIB // 4)
            if not pending:
                read += len(chunk)
            pending = b""
            if not chunk:
                break
            if decoder is None:
                if read > len(chunk) and not chunk.strip(b"\0"):
                    continue  # zero padding after the last member is allowed
                if not chunk.startswith(b"\x1f") or (len(chunk) > 1 and not chunk.startswith(b"\x1f\x8b")):
                    raise RejectFile("bad_archive", "bytes that are no gzip member" if written else "no gzip file")
                decoder = isal_zlib.decompressobj(31)
            while chunk:
                inflate(chunk)
                chunk = decoder.unconsumed_tail
            while not decoder.eof and inflate(b""):  # what it has read and not given out yet
                pass
            if decoder.eof:
                pending, decoder = decoder.unused_data, None
                if pending and not pending.strip(b"\0"):
                    pending = b""
    if decoder is not None:
        raise RejectFile("bad_archive", "gzip stream is cut before its end")
    return written


# -- encodings -------------------------------------------------------------------------------------------
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def detect_encoding(stream: IO[bytes]) -> str:
    """The encoding of delimited text or JSON lines: by BOM, by the zeros of UTF-16, else whichever of UTF-8 and
    GB18030 leaves fewer lines undecodable (one bad byte does not change a file's encoding). Raises RejectFile
    `invalid_encoding` when both fail on half of the lines that are not plain ASCII."""
    stream.seek(0)
    head = stream.read(4096)
    stream.seek(0)
    for bom, name in _BOMS:
        if head.startswith(bom):
            return name
    if len(head) >= 4:
        even, odd = head[0::2].count(0), head[1::2].count(0)
        if odd > len(head) // 8 and even * 8 < odd:
            return "utf-16-le"
        if even > len(head) // 8 and odd * 8 < even:
            return "utf-16-be"
    lines = bad8 = badgb = 0
    while line := stream.readline(MAX_LINE):
        if line.isascii():
            continue
        lines += 1
        if not _decodes(line, "utf-8"):
            bad8 += 1
        if not _decodes(line, "gb18030"):
            badgb += 1
        if lines >= 100_000:
            break
    stream.seek(0)
    if bad8 == 0 or (bad8 <= badgb and bad8 * 2 <= lines):
        return "utf-8"
    if badgb * 2 <= lines and badgb < bad8:
        return "gb18030"
    raise RejectFile("invalid_encoding", f"{bad8} of {lines} lines are no UTF-8, {badgb} no GB18030")


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


class _Lines:
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


# -- delimited text --------------------------------------------------------------------------------------
_MAGIC = (
    (b"PK\x03\x04", "a zip archive or workbook"), (b"%PDF", "a PDF"), (b"PAR1", "a Parquet file"),
    (b"\x1f\x8b", "a gzip file"), (b"\xd0\xcf\x11\xe0", "an old workbook"), (b"\x89PNG", "an image"),
)  # fmt: skip


def sniff(head: bytes) -> str:
    """What the first bytes say a file is, in words; "" for plain text."""
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    body = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if body[:1] == b"<":
        return "a web page or XML"
    if body[:2] in (b"[{", b'{"', b"[]", b"[["):
        return "JSON"
    return ""


def split_line(line: str) -> list[str] | str:
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


def next_record(lines: Lines, width: int) -> FoundRecord | None:
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


def _open_csv(stream: IO[bytes], media: str = "csv") -> FileRead:
    what = sniff(stream.read(4096))
    if what:
        raise RejectFile("not_csv", f"the file is {what}")
    encoding = detect_encoding(stream)
    lines = _Lines(stream, encoding)
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


def check_header(header: list[str]) -> None:
    """Raises RejectFile `duplicate_header` when two columns have one name."""
    seen: dict[str, int] = {}
    for number, name in enumerate(header, 1):
        folded = "".join(unicodedata.normalize("NFKC", name).split()).lower()
        if folded and folded in seen:  # not quoted: the first line may be no header but a record
            raise RejectFile("duplicate_header", f"columns {seen[folded]} and {number} have one name")
        seen[folded] = number


def _csv_records(lines: _Lines, header: list[str]) -> Iterator[Record]:
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


# -- JSON ------------------------------------------------------------------------------------------------
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


def _open_json(path: Path) -> FileRead:
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
    for bom, name in _BOMS:
        if body.startswith(bom):
            candidates: tuple[str, ...] = (name,)
            break
    else:
        candidates = ("utf-8", "gb18030")
    for name in candidates:
        if _decodes(body, name):
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


def _open_jsonl(stream: IO[bytes]) -> FileRead:
    what = sniff(stream.read(4096))
    if what not in ("", "JSON"):
        raise RejectFile("wrong_type", f"the file is {what}")
    encoding = detect_encoding(stream)
    return FileRead("jsonl", encoding, [], _jsonl_records(_Lines(stream, encoding)))


def _jsonl_records(lines: _Lines) -> Iterator[Record]:
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


# -- workbooks -------------------------------------------------------------------------------------------
def check_zip(path: Path, max_bytes: int = 512 * MIB, max_members: int = MAX_MEMBERS) -> list[zipfile.ZipInfo]:
    """Judge an archive without extracting it; returns its members. Raises RejectFile: `bad_archive`,
    `too_many_members`, `duplicate_member`, `unsafe_member_path`, `unsafe_member_type`, `encrypted`,
    `nested_archive`, `decompressed_too_large` (counted on the stream, since headers lie)."""
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise RejectFile("bad_archive", f"zip: {type(error).__name__}") from None
    with archive:
        members = archive.infolist()
        if len(members) > max_members:
            raise RejectFile("too_many_members", f"{len(members)} members, at most {max_members}")
        names: set[str] = set()
        for member in members:
            name = unicodedata.normalize("NFKC", member.filename).replace("\\", "/")
            if name.startswith("/") or re.match(r"[A-Za-z]:", name) or ".." in name.split("/") or "\0" in name:
                raise RejectFile("unsafe_member_path", "a member's name leaves the archive's folder")
            kind = member.external_attr >> 28
            if kind not in (0, 0o10, 0o4):  # unset, regular file, folder; 0o12 would be a symbolic link
                raise RejectFile("unsafe_member_type", "a member is a link or a device")
            if name.lower() in names:
                raise RejectFile("duplicate_member", "two members have one name")
            names.add(name.lower())
            if member.flag_bits & 0x1:
                raise RejectFile("encrypted", "a member is encrypted")
            if name.lower().endswith((".zip", ".gz", ".rar", ".7z", ".tar", ".bz2", ".xz", ".tgz", ".zst")):
                raise RejectFile("nested_archive", "an archive within the archive")
        total, coded = 0, max(path.stat().st_size, 1)
        for member in members:
            size = 0
            try:
                with archive.open(member) as stream:
                    while data := stream.read(MIB):
                        if size == 0 and sniff(data[:8]) in ("a zip archive or workbook", "a gzip file"):
                            raise RejectFile("nested_archive", "an archive within the archive")
                        size += len(data)
                        total += len(data)
                        if total > max_bytes or (total > RATIO_FLOOR and total > MAX_RATIO * coded):
                            raise RejectFile("decompressed_too_large", f"more than {total} bytes out of {coded}")
            except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
                raise RejectFile("bad_archive", f"a member cannot be read: {type(error).__name__}") from None
            if size != member.file_size:
                raise RejectFile("bad_archive", "a member is not as long as the archive says")
    return members


def _open_xlsx(path: Path) -> FileRead:
    with open(path, "rb") as handle:
        head = handle.read(8)
    if not head.startswith(b"PK\x03\x04"):
        raise RejectFile("wrong_type", f"the file is {sniff(head) or 'no workbook'}")
    members = {member.filename for member in check_zip(path, max_bytes=MAX_XLSX)}
    if "[Content_Types].xml" not in members or "xl/workbook.xml" not in members:
        raise RejectFile("wrong_type", "a zip archive, no workbook")
    import openpyxl

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=False, keep_links=False)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # a lying dimension would cut rows or claim a million columns
        rows = sheet.iter_rows()
        first = next((row for row in rows if any(_cell(c) not in (None, "") for c in row)), None)
    except RejectFile:
        raise
    except Exception as error:  # openpyxl raises whatever its XML parser does
        raise RejectFile("bad_workbook", type(error).__name__) from None
    if first is None:
        raise RejectFile("empty_file", "the first sheet is empty")
    header = [str(_cell(c) or "").strip() for c in first]
    while header and not header[-1]:
        header.pop()
    if len(header) > MAX_COLUMNS:
        raise RejectFile("too_many_columns", f"{len(header)} columns, at most {MAX_COLUMNS}")
    check_header(header)
    flags = [f"other_sheets_ignored:{len(book.worksheets) - 1}"] if len(book.worksheets) > 1 else []
    return FileRead("xlsx", "utf-8", header, _xlsx_records(rows, header), flags)


def _cell(cell: Any) -> str | None:
    value = cell.value
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, float):
        return NumberText(str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value))
    return NumberText(str(value))


def _xlsx_records(rows: Iterator[Any], header: list[str]) -> Iterator[Record]:
    width, number, pending = len(header), 0, 0
    while True:
        try:
            row = next(rows, None)
        except Exception as error:
            raise RejectFile("bad_workbook", type(error).__name__) from None
        if row is None:
            return
        texts = [_cell(c) for c in row]
        if not any(text and text.strip() for text in texts):
            pending += 1  # blank rows at the end are no records; between records they are
            if pending > 100_000:
                return
            continue
        for _ in range(pending):
            number += 1
            yield Record(number, None, "empty_record", "", "")
        pending = 0
        number += 1
        if any(text and text.strip() for text in texts[width:]):
            yield Record(number, None, "too_many_columns", f"{len(texts)} of {width} columns", "")
            continue
        values: dict[str, str | None] = dict.fromkeys(header)
        values.update(zip(header, texts, strict=False))
        faults = {
            name: "formula_cell" if c.data_type == "f" else "error_cell"
            for name, c in zip(header, row, strict=False)
            if c.data_type in ("f", "e")
        }
        yield Record(number, values, faults=faults)


# -- Parquet ---------------------------------------------------------------------------------------------
def _open_parquet(path: Path) -> FileRead:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with open(path, "rb") as handle:
        if handle.read(4) != b"PAR1":
            raise RejectFile("wrong_type", "the file is no Parquet")
    try:
        source = pq.ParquetFile(path)
        header = [str(name) for name in source.schema_arrow.names]
    except (pa.ArrowException, OSError, ValueError) as error:
        raise RejectFile("bad_parquet", type(error).__name__) from None
    if len(header) > MAX_COLUMNS:
        raise RejectFile("too_many_columns", f"{len(header)} columns, at most {MAX_COLUMNS}")
    check_header(header)
    return FileRead("parquet", "utf-8", header, _parquet_records(source, header))


def _parquet_records(source: Any, header: list[str]) -> Iterator[Record]:
    import pyarrow as pa

    number = 0
    try:
        for batch in source.iter_batches(batch_size=10_000):
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                number += 1
                yield parquet_record(number, header, row)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise RejectFile("bad_parquet", type(error).__name__) from None


def parquet_record(number: int, header: list[str], row: Iterable[Any]) -> Record:
    """One row of a Parquet file as a record: scalars as text, lists and bytes as faults of their cell."""
    values: dict[str, str | None] = {}
    faults: dict[str, str] = {}
    for name, value in zip(header, row, strict=True):
        if isinstance(value, list | dict | bytes | tuple):
            values[name], faults[name] = None, "bad_type"
        else:
            values[name] = _cell(_Plain(value))
    return Record(number, values, faults=faults)


@dataclass
class _Plain:
    value: Any

