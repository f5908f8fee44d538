"""Registry files at national scale: the inbox's `firms` by whole columns, in bounded memory.

Belongs here: reading a large file block by block into its scrubbed form (one Parquet file), and judging that form
batch by batch into landed Parquet. Does not belong here: any rule. What a record must be stands in judge.py and
sources.files; this module proves for most records, by whole columns, that those rules would take them, and gives every
record for which it cannot to those rules themselves. tests/test_bulk.py holds the two ways against each other.

The way of a file: one thread inflates; the reader tells lines that are whole plain records from all others by a regular
expression, parses the former with Polars and the latter with sources.files; a second expression over the whole line
finds the few records that may hold personal data or damaged text. Values with few spellings (dates, sums of money,
division codes) are judged once a spelling. Nothing grows with the file but eight bytes a record, to find doubles.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import queue
import re
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, product
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from sources.base import QUARANTINE_SCHEMA, BlockFile, Parsed, RejectFile
from sources.files import (
    MAX_COLUMNS,
    MAX_LINE,
    Record,
    csv_header,
    csv_record,
    detect_encoding,
    gunzip_into,
    next_record,
    open_table,
    sniff,
)
from sources.firm_enrichment import EXTRACT, LIST_ROWS, may_be_of_sector, placed_of, sector_of
from sources.identifiers import (
    clean_code,
    is_lei,
    is_registration_number,
    normalise_adcode,
    prefecture_of,
    uscc_valid_series,
)
from sources.inbox.judge import (
    MAX_TEXT,
    NUMERIC,
    TURNED,
    Held,
    Judged,
    Scrubber,
    Tally,
    check_bytes,
    guard,
    held_row,
    is_mojibake,
    judge_record,
    note_flags,
    payload_of,
    place_of_code,
    powertrain_of,
    record_id,
    settle_duplicates,
)
from sources.inbox.kinds import SCHEMAS
from sources.location import gazetteer_of
from sources.scrub import redact
from sources.values import LARGEST, LARGEST_OTHER, NULLS, SENTINELS, fold, name_key, parse_amount, parse_date

#: A file of firms of at least this many bytes goes this way.
BULK_BYTES = {"csv": 8 << 20, "csv.gz": 1 << 19, "jsonl": 32 << 20, "parquet": 1 << 19, "xlsx": 16 << 20}
BLOCK = 8 << 20  # decoded bytes that are read at once
HEAD = 4 << 20  # decoded bytes that tell the encoding
BATCH = 50_000  # records that are judged at once
MANY = 25_000  # records of which the sector, or the place, is decided at once
#: Records of one identity that a file may hold without saying the same each time; beyond it the file contradicts itself.
MAX_CONTESTED = 500_000
META = b"evatlas"
#: Columns of text with few values among many records.
FEW = ("city_adcode", "city", "province", "status", "company_type", "powertrain", "industry_code", "as_of")


def is_bulk(path: Path, kind: str, media: str) -> bool:
    """Whether a file is large enough for whole columns; the verdict on its records is the same either way."""
    return kind == "firms" and path.stat().st_size >= BULK_BYTES.get(media, 1 << 62)


# -- suspicion: what one look at a whole record must not find -------------------------------------------------
#: Anything that sources.scrub might take out (it decides; this only chooses whom it is asked about).
_PERSONAL = (
    r"@|(?:^|[^0-9.])(?:86[-\s]?)?1[3-9][0-9](?:[-\s]?[0-9]{4}){2}(?:[^0-9]|$)"
    r"|(?:^|[^0-9A-Za-z])[1-8][0-9]{5}(?:18|19|20)[0-9]{2}[01][0-9][0-3][0-9]{4}[0-9Xx](?:[^0-9A-Za-z]|$)"
    r"|(?:电话|传真|座机|热线|Tel|TEL|tel|Fax|FAX|Phone|phone)\s*(?:号码)?\s*[:：]?\s*[0-9(（+]"
    r"|联系人|联络人|法定代表人|法人代表|负责人姓名|经办人|[０-９]"
)
#: Anything that judge.check_text might refuse, or that it flags (bidi marks, zero-width blanks).
_DAMAGED = (
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad\u061c]|锟斤拷|烫烫烫"
    "|(?:[\u0080-\u00ff][^\u0080-\u00ff]*){4}"
)


#: A record without any of these, nor the mark of UTF-8 read as GB18030, is taken as it is.
_SUSPICIOUS = f"{_PERSONAL}|{_DAMAGED}|{TURNED.pattern}"


# -- from bytes to the scrubbed form ------------------------------------------------------------------------
class _Out:
    """The scrubbed form as it is written: one row a record, the kind's columns as text, `record`, `check` (its text must
    be looked at), `odd` (a record that has no row of text: its scrubbed form as JSON)."""

    def __init__(self, path: Path, columns: list[str]):
        self.columns = columns
        self.schema = {"record": pl.Int64, "check": pl.Boolean, "odd": pl.Binary, **dict.fromkeys(columns, pl.String)}
        self.writer = _Writer(path, self.schema, tuple(c for c in columns if c in FEW))
        self.records = 0

    def add(self, frame: pl.DataFrame) -> None:
        self.records += frame.height
        self.writer.write(frame.select(list(self.schema)))

    def odd(self, records: list[Any]) -> None:
        """Records one by one: plain ones as text, all others as JSON."""
        rows = []
        for record in records:
            number, values, _, _, _, faults = record
            if values is not None and not faults and not any(map(_has_surrogate, values.values())):
                rows.append({"record": number, "check": True, **values})
            else:
                line = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
                rows.append({"record": number, "check": True, "odd": line.encode("utf-8", "surrogatepass")})
        if rows:
            self.add(pl.DataFrame(rows, schema=self.schema, infer_schema_length=0))


def _has_surrogate(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


class _Lane:
    """A thread that does jobs in the order in which they come; whoever brings them waits while two are left to do, and
    meets their errors."""

    def __init__(self) -> None:
        self.thread = ThreadPoolExecutor(1)
        self.pending: list[Future[Any]] = []

    def submit(self, job: Callable[..., Any], *args: Any) -> None:
        while len(self.pending) > 1:
            self.pending.pop(0).result()
        self.pending.append(self.thread.submit(job, *args))

    def close(self) -> None:
        """Wait for all that is left to do."""
        while self.pending:
            self.pending.pop(0).result()
        self.thread.shutdown()

    def abandon(self) -> None:
        """Stop after an error."""
        self.thread.shutdown(cancel_futures=True)


def _ahead(items: Iterator[Any]) -> Iterator[Any]:
    """The same items, of which the next one is made in a thread meanwhile."""
    end = object()
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = thread.submit(next, items, end)
            yield item


class _Writer:
    """Row groups of one Parquet file, encoded in a thread of their own."""

    def __init__(self, path: Path, schema: Mapping[str, Any], dictionary: tuple[str, ...] = ()):
        # text as views, which is how Polars holds it: no copy on the way to the file (nested ones Arrow does not write)
        nested = any(pl.List in (t, getattr(t, "base_type", lambda: None)()) for t in schema.values())
        self.level = pl.CompatLevel.oldest() if nested else pl.CompatLevel.newest()
        self.schema = pl.DataFrame(schema=dict(schema)).to_arrow(compat_level=self.level).schema
        self.file = pq.ParquetWriter(
            path, self.schema, compression="zstd", compression_level=1, use_dictionary=list(dictionary) or False,
            write_statistics=False,
        )  # fmt: skip
        self.lane = _Lane()
        self.rows = 0

    def write(self, frame: pl.DataFrame) -> None:
        if frame.is_empty():
            return
        self.rows += frame.height
        self.lane.submit(self._write, frame)

    def _write(self, frame: pl.DataFrame) -> None:
        self.file.write_table(frame.to_arrow(compat_level=self.level).cast(self.schema))

    def close(self, meta: Mapping[str, Any] | None = None) -> None:
        self.lane.close()
        if meta is not None:
            self.file.add_key_value_metadata({META: json.dumps(meta, ensure_ascii=False).encode()})
        self.file.close()

    def abandon(self) -> None:
        """Stop after an error; the file is not worth reading."""
        self.lane.abandon()
        try:
            self.file.close()
        except (pa.ArrowException, OSError):
            pass


def _plain_memory() -> None:
    """Let Arrow take memory from the system: its own pool gives pages back and asks for them again with each batch, which
    cost a second in ten and a hundred megabytes."""
    if pa.default_memory_pool().backend_name != "system":
        pa.set_memory_pool(pa.system_memory_pool())


def read_bulk(path: Path, kind: str, media: str, manifest: Mapping[str, Any], out: Path) -> None:
    """Read a large tabular file strictly, take personal data out, and write its scrubbed form to `out`. Raises RejectFile
    or BlockFile with its reason, as judge.read does."""
    _plain_memory()
    check_bytes(path, manifest)
    if media in ("csv", "csv.gz"):
        reader: Any = _CsvReader(path, kind, media, out)
    elif media == "parquet":
        reader = _ParquetReader(path, kind, out)
    else:
        reader = _RecordReader(path, kind, media, out)
    try:
        reader.run()
    except NotPlain:  # a form of delimited text that is read record by record
        reader.abandon()
        reader = _RecordReader(path, kind, media, out)
        reader.run()
    except BaseException:
        reader.abandon()
        raise
    try:
        reader.scrubber.finish(reader.out.records, manifest)
    except BaseException:
        reader.abandon()
        raise
    reader.out.writer.close(reader.scrubber.meta(reader.encoding, reader.flags, manifest))


class NotPlain(Exception):
    """A delimited file that the reader of blocks does not read (UTF-16, columns without a name at the end)."""


class _Reader:
    out: _Out | None = None
    encoding = "utf-8"
    others_arouse = False  # whether columns that are not kept look suspicious in most lines

    def __init__(self) -> None:
        self.flags: list[str] = []

    def abandon(self) -> None:
        if self.out is not None:
            self.out.writer.abandon()

    def take(self, frame: pl.DataFrame, text: pl.Series | pl.Expr, whole: bool = True) -> None:
        """Write records, after a closer look at those whose text arouses suspicion: `text` holds all that the record does
        and, unless it is the `whole` of it, more (columns that are not kept)."""
        assert self.out is not None
        kept = pl.concat_str(self.out.columns, separator=",", ignore_nulls=True)
        whole = whole or self.others_arouse
        if self.others_arouse:
            text = kept
        if isinstance(text, pl.Expr):
            text = frame.select(text).to_series()
        suspect = text.str.contains(_SUSPICIOUS).to_numpy()
        if not whole and suspect.any():
            own = frame.filter(suspect).select(kept).to_series().str.contains(_SUSPICIOUS).to_numpy()
            # telephones in a column that is dropped: from now on only what is kept is looked at
            self.others_arouse = bool(2 * own.sum() < suspect.sum() > len(text) // 20)
            suspect = suspect.copy()
            suspect[suspect] = own
        check = np.zeros(frame.height, dtype=bool)
        if suspect.any():
            rows = np.flatnonzero(suspect)
            some = frame[rows]
            text = text.gather(rows) if whole else some.select(kept).to_series()
            damaged = text.str.contains(_DAMAGED).to_numpy().copy()
            changed = []
            for column in self.out.columns:
                if column not in NUMERIC:
                    at, values = _matching(some[column], _PERSONAL)
                    if values:
                        clean = pl.Series(list(map(redact, values)), dtype=pl.String)
                        some = some.with_columns(some[column].scatter(at, clean))
                        changed.append(frame[column].scatter(rows[at], clean))
                at, values = _matching(some[column], TURNED.pattern)
                damaged[at[[is_mojibake(v) for v in values]]] = True
            check[rows] = damaged
            frame = frame.with_columns(changed)
        self.out.add(frame.with_columns(pl.Series("check", check), pl.lit(None, pl.Binary).alias("odd")))


def _matching(column: pl.Series, pattern: str) -> tuple[np.ndarray, list[str]]:
    """Where a pattern occurs in a column, and the values there."""
    found = column.str.contains(pattern).fill_null(False)
    return np.flatnonzero(found.to_numpy()), column.filter(found).to_list()


class _RecordReader(_Reader):
    """Any medium, record by record: slow, and still in bounded memory."""

    def __init__(self, path: Path, kind: str, media: str, out: Path):
        super().__init__()
        self.source = open_table(path, media, out.parent)
        self.encoding, self.flags = self.source.encoding, list(self.source.flags)
        self.scrubber = Scrubber(kind, self.source.media, self.source.header)
        every = [c for c in SCHEMAS[kind] if c not in ("record_id", "record_no")]
        self.out = _Out(out, every)

    def run(self) -> None:
        assert self.out is not None
        held: list[Any] = []
        for record in self.source.records:
            held.append(self.scrubber.scrub(record))
            if len(held) >= 20_000:
                self.out.odd(held)
                held = []
        self.out.odd(held)


class _ParquetReader(_Reader):
    """Parquet: columns of text as they are; numbers and dates as sources.files writes them."""

    def __init__(self, path: Path, kind: str, out: Path):
        super().__init__()
        found = open_table(path, "parquet")
        self.scrubber = Scrubber(kind, "parquet", found.header)
        self.mapped = self.scrubber.columns.mapped
        self.out = _Out(out, list(self.mapped.values()))
        self.source = pq.ParquetFile(path)

    def run(self) -> None:
        assert self.out is not None
        plain = (pl.String, pl.Categorical, pl.Null)
        number = 0
        try:
            for batch in self.source.iter_batches(batch_size=BATCH, columns=list(self.mapped)):
                frame = pl.from_arrow(batch)
                assert isinstance(frame, pl.DataFrame)
                if any(frame.schema[c] not in plain and not frame.schema[c].is_integer() for c in frame.columns):
                    self._slow(batch, number)
                else:
                    texts = frame.select(pl.col(h).cast(pl.String).alias(c) for h, c in self.mapped.items())
                    texts = texts.with_columns(
                        pl.int_range(number + 1, number + 1 + pl.len(), dtype=pl.Int64).alias("record")
                    )
                    whole = pl.concat_str(list(self.mapped.values()), separator=",", ignore_nulls=True)
                    long = pl.any_horizontal(pl.col(c).str.len_bytes() > MAX_TEXT for c in self.out.columns).fill_null(False)
                    over = texts.filter(long)
                    self.take(texts.filter(~long) if over.height else texts, whole)
                    self.out.odd([
                        self.scrubber.scrub(Record(row["record"], {h: row[c] for h, c in self.mapped.items()}))
                        for row in over.iter_rows(named=True)
                    ])  # fmt: skip
                number += frame.height
        except (pa.ArrowException, OSError, ValueError) as error:
            raise RejectFile("bad_parquet", str(error)[:150]) from None

    def _slow(self, batch: Any, number: int) -> None:
        from sources.files import parquet_record

        assert self.out is not None
        header = list(self.mapped)
        rows = zip(*(column.to_pylist() for column in batch.columns), strict=True)
        self.out.odd([self.scrubber.scrub(parquet_record(number + i, header, row)) for i, row in enumerate(rows, 1)])


class _Pipe:
    """Decoded blocks of a file, read and inflated in a thread: iterate once. Errors of the thread are raised here."""

    def __init__(self, path: Path, media: str):
        self.queue: queue.Queue[bytes | BaseException | None] = queue.Queue(3)
        self.parts: list[bytes] = []
        self.size = 0
        self.stopped = False
        self.thread = threading.Thread(target=self._fill, args=(path, media), daemon=True)
        self.thread.start()

    def write(self, data: bytes) -> None:
        for piece in _pieces(data):
            self.parts.append(piece)
            self.size += len(piece)
            if self.size >= BLOCK:
                self._flush()

    def _flush(self) -> None:
        block, self.parts, self.size = b"".join(self.parts), [], 0
        while True:
            if self.stopped:
                raise InterruptedError
            try:
                self.queue.put(block, timeout=1)
                return
            except queue.Full:
                continue

    def _fill(self, path: Path, media: str) -> None:
        end: BaseException | None = None
        try:
            if media == "csv.gz":
                gunzip_into(path, self)
            else:
                with open(path, "rb") as handle:
                    while data := handle.read(4 << 20):
                        self.write(data)
            if self.size:
                self._flush()
        except InterruptedError:
            return
        except BaseException as error:
            end = error
        while not self.stopped:
            try:
                self.queue.put(end, timeout=1)
                return
            except queue.Full:
                continue

    def __iter__(self) -> Iterator[bytes]:
        while True:
            block = self.queue.get()
            if block is None:
                return
            if isinstance(block, BaseException):
                raise block
            yield block

    def stop(self) -> None:
        self.stopped = True
        self.thread.join()


def _pieces(data: bytes) -> Iterator[bytes]:
    """`data` in pieces of at most one block."""
    for start in range(0, len(data), BLOCK):
        yield data[start : start + BLOCK] if len(data) > BLOCK else data


class _BlockLines:
    """Physical lines of one block for sources.files.next_record, and whether it asked for more than there are."""

    def __init__(self, at: Callable[[int], str], count: int, start: int):
        self.at, self.count, self.place = at, count, start
        self.back: list[tuple[str, bool]] = []
        self.ran_out = False

    def next(self) -> tuple[str, bool]:
        if self.back:
            self.place += 1
            return self.back.pop()
        if self.place >= self.count:
            self.ran_out = True
            return "", False
        text = self.at(self.place)
        self.place += 1
        return text, False

    @property
    def consumed(self) -> int:
        return self.place - len(self.back)


class _CsvReader(_Reader):
    """Delimited text in blocks of whole lines."""

    def __init__(self, path: Path, kind: str, media: str, out: Path):
        super().__init__()
        self.path, self.kind, self.media, self.target = path, kind, media, out
        self.pipe: _Pipe | None = None
        self.header: list[str] = []
        self.number = 0
        self.scrubber: Any = None

    def run(self) -> None:
        self.pipe = _Pipe(self.path, self.media)
        try:
            blocks = iter(self.pipe)
            head = b""
            for block in blocks:  # what an encoding is told by
                head += block
                if len(head) >= HEAD:
                    break
            if not head:
                raise RejectFile("empty_file", "no bytes")
            carry = b""
            for block in chain(_pieces(self._begin(head)), blocks):
                data = carry + block if carry else block
                cut = data.rfind(b"\n") + 1
                if cut == 0:
                    carry = data
                    if len(carry) > MAX_LINE:
                        raise NotPlain
                    continue
                left = self._block(data[:cut], final=False)
                carry = left + data[cut:]
            if carry:
                self._block(carry, final=True)
            if self.out is None:
                csv_header(None)
        finally:
            self.pipe.stop()

    def _begin(self, data: bytes) -> bytes:
        if what := sniff(data[:4096]):
            raise RejectFile("not_csv", f"the file is {what}")
        head = data[:HEAD]
        self.encoding = detect_encoding(io.BytesIO(head[: head.rfind(b"\n") + 1] or head))
        if self.encoding.startswith("utf-16"):
            raise NotPlain
        return data.removeprefix(b"\xef\xbb\xbf")

    def _lines(self, block: bytes) -> tuple[bytes, pl.Series, dict[int, str]]:
        """The block in UTF-8 with plain line ends, its lines, and lines that are no text in the file's encoding (with
        their bytes as surrogates); in the series such a line is a NUL."""
        odd: dict[int, str] = {}
        if self.encoding == "gb18030":
            try:
                block = block.decode("gb18030").encode()
            except UnicodeDecodeError:
                block, odd = _mark_bad(block, "gb18030")
        if block.startswith(b"\xef\xbb\xbf"):  # within a file it is a character, which Polars would swallow
            head, _, _ = block.partition(b"\n")
            odd[0] = head.decode("utf-8", "surrogateescape")
            block = b"\0" + block[len(head):]
        try:
            return block, pl.read_lines(block).to_series(), odd
        except pl.exceptions.PolarsError:
            block, bad = _mark_bad(block, "utf-8")
            return block, pl.read_lines(block).to_series(), odd | bad

    def _block(self, block: bytes, final: bool) -> bytes:
        """Take the records of a block; returns the bytes of a last record that goes on in the next one."""
        ends: list[bytes] | None = None  # of lines, where they are not all line feeds
        if b"\r" in block:
            ends = re.findall(rb"\r\n?|\n", block)
            block = re.sub(rb"\r\n?", b"\n", block)
        block, lines, odd = self._lines(block)
        ended = block.endswith(b"\n")

        def at(index: int) -> str:
            """A physical line with its end."""
            text = odd[index] if index in odd else lines[index]
            if index == len(lines) - 1 and not ended:
                return text
            return text + (ends[index].decode() if ends else "\n")

        start = 0
        if self.out is None:
            reader = _BlockLines(at, len(lines), 0)
            found = next_record(reader, 0)
            if found is not None and found[0] and not found[0][-1].strip():
                raise NotPlain  # columns without a name at the end of every line
            self.header = csv_header(found)
            if len(self.header) > MAX_COLUMNS:
                raise RejectFile("too_many_columns", f"{len(self.header)} columns, at most {MAX_COLUMNS}")
            start = reader.consumed
            self.scrubber = Scrubber(self.kind, self.media, self.header)
            mapped = self.scrubber.columns.mapped
            # in the order of the file: a projection keeps it
            self.kept = [(i, mapped[h]) for i, h in enumerate(self.header) if h in mapped]
            self.whole = len(self.kept) == len(self.header)
            self.out = _Out(self.target, [c for _, c in self.kept])
        width = len(self.header)
        plain, blank, starts = _plain_lines(block, lines, width)
        plain[:start] = False
        if odd:
            plain[list(odd)] = False
        if not ended and len(lines):
            plain[-1] = False  # whether the file is cut shows in its last line
        special = np.flatnonzero(~plain & ~blank)
        special = special[special >= start]
        counted = plain.copy()
        slow: list[tuple[int, Any]] = []
        carry_from = len(lines)
        done = start
        for index in special.tolist():
            if index < done:
                continue
            reader = _BlockLines(at, len(lines), index)
            found = next_record(reader, width)
            if reader.ran_out and not final:
                carry_from = index  # the record goes on in the next block
                break
            done = reader.consumed
            plain[index:done] = False
            counted[index:done] = False
            if found is not None:
                counted[index] = True
                slow.append((index, found))
        plain[carry_from:] = False
        counted[carry_from:] = False
        numbers = self.number + np.cumsum(counted)
        self.number = int(numbers[-1]) if len(numbers) else self.number
        if plain.any():
            every = bool(plain.all())
            text = lines if every else lines.filter(pl.Series(plain))
            body = block if every else _slices(block, plain, starts)
            frame = pl.read_csv(
                body, has_header=False, infer_schema=False, columns=[i for i, _ in self.kept], quote_char='"',
            )  # fmt: skip
            frame.columns = [c for _, c in self.kept]
            if frame.height != len(text):
                raise RuntimeError(f"{frame.height} records were parsed out of {len(text)} lines")
            frame = frame.with_columns(pl.Series("record", numbers[plain], dtype=pl.Int64))
            self.take(frame, text, whole=self.whole)
        self.out.odd(
            [self.scrubber.scrub(csv_record(int(numbers[i]), found, self.header)) for i, found in slow]
        )  # fmt: skip
        if carry_from == len(lines):
            return b""
        rest = "".join(at(i) for i in range(carry_from, len(lines)))
        return rest.encode(self.encoding.replace("-sig", ""), "surrogateescape")


#: First bytes of what a line without a record may begin with: ASCII blanks, comma, quote, and those of other blanks in UTF-8.
_BLANK_FIRST = np.zeros(256, dtype=bool)
_BLANK_FIRST[[*range(9, 14), *range(28, 33), ord(","), ord('"'), 0xC2, 0xE1, 0xE2, 0xE3, 0xEF]] = True


def _plain_lines(block: bytes, lines: pl.Series, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of the lines of a block: whether each is one plain record of `width` fields, whether it is blank, and where it
    starts (with the end of the last one, one more than there are lines)."""
    field = '(?:[^",]*|"(?:[^"]|"")*")'
    line = pl.col("line")
    looks = lines.to_frame("line").select(
        (line.str.count_matches(",", literal=True) == width - 1).alias("plain"),
        line.str.contains('"', literal=True).alias("quoted"),
        line.str.len_bytes().alias("bytes"),
    )
    plain = looks["plain"].to_numpy().copy()
    bytes_ = looks["bytes"].to_numpy()
    starts = np.zeros(len(lines) + 1, dtype=np.int64)
    np.cumsum(bytes_ + np.int64(1), out=starts[1:])
    if len(block) != starts[-1] - (0 if block.endswith(b"\n") else 1):
        raise RuntimeError(f"{starts[-1]} bytes of lines in a block of {len(block)}")
    if looks["quoted"].any():
        at = np.flatnonzero(looks["quoted"].to_numpy())
        plain[at] = lines.gather(at).str.contains(f"^{field}(?:,{field}){{{width - 1}}}$").to_numpy()
    plain &= bytes_ <= MAX_TEXT
    # one look at the first byte spares nearly all lines the expressions
    first = np.frombuffer(block, dtype=np.uint8)[np.minimum(starts[:-1], len(block) - 1)]
    blank = bytes_ == 0
    at = np.flatnonzero(_BLANK_FIRST[first] & ~blank)
    if len(at):
        some = lines.gather(at)
        plain[at] &= ~some.str.contains(r'^(?:[,\s"]*$|\x{feff})').to_numpy()
        blank[at] = some.str.contains(r"^\s*$").to_numpy()
    plain &= ~blank
    return plain, blank, starts


def _slices(block: bytes, wanted: np.ndarray, starts: np.ndarray) -> bytes:
    """The wanted lines of a block, in runs of neighbours."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], wanted, [False])).astype(np.int8)))
    view = memoryview(block)
    return b"".join(view[starts[a] : starts[b]] for a, b in edges.reshape(-1, 2).tolist())


def _mark_bad(block: bytes, encoding: str) -> tuple[bytes, dict[int, str]]:
    """A block in UTF-8 in which each line that is no text is a NUL, and those lines with surrogates."""
    odd: dict[int, str] = {}
    out: list[bytes] = []
    for index, line in enumerate(block.split(b"\n")):
        try:
            out.append(line.decode(encoding).encode())
        except UnicodeDecodeError:
            odd[index] = line.decode(encoding, "surrogateescape")
            out.append(b"\0")
    return b"\n".join(out), odd


# -- from the scrubbed form to landed tables ----------------------------------------------------------------
_NULL_WORDS = sorted({"".join(p) for w in NULLS if w for p in product(*((c.lower(), c.upper()) for c in w))})
_PLAIN_NAME = "^[\u4e00-\u9fa5（）()]+$"


class _Spellings:
    """A value judged once for each of its spellings: `read` gives a row, or None for one that judge.py must see."""

    LIMIT = 500_000

    def __init__(self, column: str, schema: Mapping[str, Any], read: Callable[[str], tuple[Any, ...] | None]):
        self.column, self.read = column, read
        self.schema = {"_text": pl.String, "_ok": pl.Boolean, **schema}
        self.known: dict[str, tuple[Any, ...]] = {}
        self.none = (False, *(None for _ in schema))

    def of(self, texts: pl.Series) -> pl.DataFrame:
        """The values of a column, row by row, with `_ok`."""
        spellings = texts.drop_nulls().unique().to_list()
        if len(self.known) > self.LIMIT:
            self.known.clear()
        rows = []
        for text in spellings:
            row = self.known.get(text)
            if row is None:
                found = self.read(text)
                row = self.known[text] = self.none if found is None else (True, *found)
            rows.append((text, *row))
        table = pl.DataFrame(rows, schema=self.schema, orient="row")
        joined = texts.alias("_text").to_frame().join(table, on="_text", how="left", maintain_order="left")
        return joined.select(pl.col("_ok").fill_null(texts.is_null()), *list(self.schema)[2:])


def _date_reader(today: dt.date | None, first: int = 1840) -> Callable[[str], tuple[Any, ...] | None]:
    def read(text: str) -> tuple[Any, ...] | None:
        try:
            found = parse_date(text, today, first)
        except ValueError:
            return None
        return (found.iso, found.precision) if found else (None, None)

    return read


def _capital_reader(unit: str) -> Callable[[str], tuple[Any, ...] | None]:
    def read(text: str) -> tuple[Any, ...] | None:
        try:
            found = parse_amount(text, unit)
        except ValueError:
            return None
        if found is None:
            return (None, None, None, False)
        return (found.value, found.currency, text.strip() + unit, not found.unit_stated)

    return read


class _Capital(_Spellings):
    """Sums of money: a plain number by whole columns and the words behind it once a spelling; all others one by one."""

    def __init__(self, schema: Mapping[str, Any], unit: str):
        super().__init__("registered_capital", schema, _capital_reader(unit))
        self.unit = unit
        one = _capital_reader(unit)

        def words(text: str) -> tuple[Any, ...] | None:
            """What one of it is; not for words that hold more of the number in other signs (２, ①)."""
            return None if re.search(r"[\d.,+-]", fold(text)) else one("1" + text)

        self.words = _Spellings("registered_capital", schema, words)

    def of(self, texts: pl.Series) -> pl.DataFrame:
        value, currency, text, assumed = list(self.schema)[2:]
        parts = texts.str.extract_groups(r"^([0-9]{1,15}(?:\.[0-9]{1,9})?)([^0-9.,+eE-][^0-9.,+-]*|)$").struct.unnest()
        number = parts[parts.columns[0]].cast(pl.Float64)
        said = self.words.of(parts[parts.columns[1]])
        amount = number * said[value]
        most = said[currency].replace_strict(LARGEST, default=LARGEST_OTHER, return_dtype=pl.Float64)
        plain = (number.is_not_null() & said["_ok"] & said[value].is_not_null() & (amount <= most)).fill_null(False)
        fast = pl.DataFrame({
            "_ok": plain, value: amount, currency: said[currency], text: texts.str.strip_chars() + self.unit,
            assumed: said[assumed],
        })  # fmt: skip
        if plain.all():
            return fast
        slow = super().of(pl.select(pl.when(~plain).then(texts)).to_series())
        return pl.select(pl.when(plain).then(fast[c]).otherwise(slow[c]).alias(c) for c in fast.columns)


def _adcode_reader(text: str) -> tuple[Any, ...] | None:
    if text.strip().lower() in NULLS:
        return (None,)
    try:
        code = normalise_adcode(text.strip())
    except ValueError:
        return None
    return (prefecture_of(code) or code,)


def _powertrain_reader(text: str) -> tuple[Any, ...] | None:
    try:
        return (powertrain_of(text),)
    except Held:
        return None


class _Dates(_Spellings):
    """Dates: days as ISO writes them by whole columns, all other spellings one by one."""

    def __init__(self, column: str, schema: Mapping[str, Any], today: dt.date | None, first: int = 1840):
        super().__init__(column, schema, _date_reader(today, first))
        self.least, self.most = dt.date(first, 1, 1), today or dt.date.max

    def of(self, texts: pl.Series) -> pl.DataFrame:
        iso, precision = list(self.schema)[2:]
        day = texts.str.to_date("%Y-%m-%d", strict=False)
        plain = (
            (texts.str.len_bytes() == 10) & (day >= self.least) & (day <= self.most) & ~texts.is_in(sorted(SENTINELS))
        ).fill_null(False)
        fast = pl.DataFrame({
            "_ok": pl.repeat(True, len(texts), dtype=pl.Boolean, eager=True), iso: texts,
            precision: pl.repeat("day", len(texts), dtype=pl.String, eager=True),
        })  # fmt: skip
        if plain.all():
            return fast
        slow = super().of(pl.select(pl.when(~plain).then(texts)).to_series())
        return pl.select(pl.when(plain).then(fast[c]).otherwise(slow[c]).alias(c) for c in fast.columns)


class _Judge:
    """Batches of the scrubbed form as landed rows."""

    TEXTS = ("name_en", "address", "city", "province", "status", "industry_code", "industry", "business_scope",
             "stock_code", "group", "company_type", "source_url")  # fmt: skip

    def __init__(self, meta: Mapping[str, Any], today: dt.date, contested: np.ndarray):
        self.units, self.today, self.contested_ids = meta["units"], today, contested
        self.columns = list(meta["columns"].values())
        text, amount, flag = pl.String, pl.Float64, pl.Boolean
        self.spellings = {
            "founded_on": _Dates("founded_on", {"founded_on": text, "founded_precision": text}, today),
            "closed_on": _Dates("closed_on", {"closed_on": text, "closed_precision": text}, None),
            "as_of": _Dates("as_of", {"as_of": text, "_p": text}, today, 1949),
            "registered_capital": _Capital(
                {"registered_capital": amount, "capital_currency": text, "registered_capital_text": text, "_assumed": flag},
                self.units.get("registered_capital", ""),
            ),
            "city_adcode": _Spellings("city_adcode", {"city_adcode": text}, _adcode_reader),
            "powertrain": _Spellings("powertrain", {"powertrain": text}, _powertrain_reader),
        }
        self.found = Judged("firms", 0, 0, [], [], list(meta["flags"]))
        self.flags: Counter[str] = Counter()
        self.tally = Tally()
        self.seen: set[int] = set()  # of records without a code, which are what they say
        self.doubles = 0
        self.contested: list[dict[str, Any]] = []
        self.held: list[pl.DataFrame] = []
        self.fast = 0

    def batch(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The landed rows of a batch; what is held goes to `held`, what is contested waits for the end."""
        self.found.records_in += frame.height
        have = [c for c in self.columns if c in frame.columns]
        sure, typed = self._typed(frame)
        self.fast += typed.height
        rows = self._slow(frame.filter(~sure), have)
        self._count(typed)
        slow = pl.DataFrame(rows, schema=dict(SCHEMAS["firms"]), orient="row", infer_schema_length=0)
        return pl.concat([typed, slow]) if rows else typed

    # -- whole columns -------------------------------------------------------------------------------------
    def _typed(self, frame: pl.DataFrame) -> tuple[pl.Series, pl.DataFrame]:
        """Which records judge.py would take for certain, and those as landed rows."""
        columns = frame.columns

        def text(column: str) -> pl.Expr:
            if column not in columns:
                return pl.lit(None, pl.String)
            stripped = pl.col(column).str.strip_chars()
            return pl.when(~stripped.is_in(_NULL_WORDS) & (stripped != "")).then(stripped)

        code = frame.select("record", text("uscc").alias("uscc"))["uscc"]
        valid = uscc_valid_series(code).fill_null(False)
        number = code.is_not_null() & ~valid & (code.str.len_bytes() == 15)
        old = pl.Series([is_registration_number(c) for c in code.filter(number).to_list()], dtype=pl.Boolean)
        is_old = np.zeros(frame.height, dtype=bool)
        is_old[np.flatnonzero(number.to_numpy())] = old.to_numpy()
        old_numbers = pl.Series(is_old)
        keys = self._keys(frame.get_column("name_zh") if "name_zh" in columns else pl.Series([None] * frame.height, dtype=pl.String))
        sure = (
            ~frame["check"]
            & frame["odd"].is_null()
            & (code.is_null() | valid | old_numbers)
            & keys.is_not_null()
            & (keys != "")
            & ~keys.str.contains(r"^[0-9A-Z]{18}$").fill_null(True)
            & (valid | ~keys.str.contains("(?i)计|汇|total|sum").fill_null(True))
        )
        lei = frame.select("record", text("lei").alias("lei"))["lei"]
        if lei.null_count() < frame.height:
            sure &= pl.Series([x is None or (x == clean_code(x) and is_lei(x)) for x in lei.to_list()])
        parts = []
        for column, spellings in self.spellings.items():
            if column in columns:
                values = spellings.of(frame[column])
                sure &= values["_ok"]
                parts.append(values.drop("_ok"))
            else:
                parts.append(pl.DataFrame(
                    {c: pl.repeat(None, frame.height, dtype=t, eager=True) for c, t in list(spellings.schema.items())[2:]}
                ))  # fmt: skip
        if len(self.contested_ids):
            ids = self._identities(valid, code, parts[2]["as_of"])
            sure &= ~pl.Series(np.isin(ids.fill_null(0).to_numpy(), self.contested_ids)) | ids.is_null()
        typed = pl.concat(
            [
                frame.select(
                    pl.col("record").alias("record_no"),
                    "name_zh",
                    *(text(c).alias(c) for c in self.TEXTS),
                ),
                pl.DataFrame(
                    {
                        "name_key": keys,
                        "uscc": pl.select(pl.when(valid).then(code)).to_series(),
                        "uscc_valid": pl.select(pl.when(valid).then(True)).to_series(),
                        "registration_no": pl.select(pl.when(old_numbers).then(code)).to_series(),
                        "lei": lei,
                    }
                ),
                *parts,
            ],
            how="horizontal",
        ).filter(sure)
        assumed = pl.when(pl.col("_assumed")).then(pl.lit("capital_unit_assumed"))
        numbered = pl.when(pl.col("registration_no").is_not_null()).then(pl.lit("registration_number"))
        flags = pl.concat_str(assumed, numbered, separator=";", ignore_nulls=True)
        typed = typed.with_columns(
            pl.when(flags != "").then(flags).alias("flags"),
            (pl.lit("uscc:") + pl.col("uscc") + pl.when(pl.col("as_of").is_null()).then(pl.lit("")).otherwise("@" + pl.col("as_of"))).alias("record_id"),
        ).select(pl.col(c).cast(t) for c, t in SCHEMAS["firms"].items())  # fmt: skip
        return sure, self._uncoded(typed)

    @staticmethod
    def _keys(names: pl.Series) -> pl.Series:
        """values.name_key of a column: by whole columns where a name is Chinese signs and brackets alone."""
        plain = names.str.contains(_PLAIN_NAME).fill_null(False)
        folded = names.str.replace_many(["（", "）"], ["(", ")"])
        if plain.all():
            return folded
        rest = pl.Series([name_key(n) if n is not None else None for n in names.filter(~plain).to_list()], dtype=pl.String)
        at = np.flatnonzero(~plain.to_numpy())
        return folded.scatter(at, rest)

    @staticmethod
    def _identities(valid: pl.Series, code: pl.Series, as_of: pl.Series) -> pl.Series:
        frame = pl.DataFrame({"v": valid, "c": code, "a": as_of})
        return frame.select(
            pl.when("v").then(pl.concat_str("c", pl.col("a").fill_null(""), separator="@").hash(seed=11))
        ).to_series()

    def _uncoded(self, typed: pl.DataFrame) -> pl.DataFrame:
        """Records without a code are known by all that they say; one that was met before is merged."""
        without = typed["uscc"].is_null()
        if not without.any():
            return typed
        rows = []
        for row in typed.filter(without).iter_rows(named=True):
            row["record_id"] = record_id("firms", row)
            if self._new(row):
                rows.append(row)
        return pl.concat([typed.filter(~without), pl.DataFrame(rows, schema=dict(SCHEMAS["firms"]), infer_schema_length=0)])

    def _new(self, row: Mapping[str, Any]) -> bool:
        short = int(row["record_id"][:16], 16)
        if short in self.seen:
            self.doubles += 1
            self.tally.kept += 1
            self.found.accepted += 1
            self.flags.update(f for f in (row["flags"] or "").split(";") if f)
            return False
        self.seen.add(short)
        return True

    # -- record by record ----------------------------------------------------------------------------------
    def _slow(self, frame: pl.DataFrame, columns: list[str]) -> list[dict[str, Any]]:
        rows, held = [], []
        for record in frame.iter_rows(named=True):
            number, values, reason, detail, payload, faults = _scrubbed(record, columns)
            if values is not None:
                try:
                    row = judge_record("firms", values, faults, self.units, self.today)
                except Held as error:
                    reason, detail, payload = error.reason, error.detail, payload_of(values)
                else:
                    row["record_no"] = number
                    row["record_id"] = record_id("firms", row)
                    if row["uscc"] is not None and len(self.contested_ids) and self._is_contested(row):
                        self.contested.append(row)
                        if len(self.contested) > MAX_CONTESTED:
                            raise BlockFile("key_conflict", f"more than {MAX_CONTESTED} records share their code with others")
                    elif row["uscc"] is not None or self._new(row):
                        rows.append(row)
                        self._note([row])
                    continue
            held.append(held_row(number, reason, detail, payload))
        if held:
            self.held.append(pl.DataFrame(held, schema={k: v for k, v in QUARANTINE_SCHEMA.items() if k != "page_key"}))
        return rows

    def _is_contested(self, row: Mapping[str, Any]) -> bool:
        one = self._identities(pl.Series([True]), pl.Series([row["uscc"]]), pl.Series([row["as_of"]], dtype=pl.String))
        return bool(np.isin(one.to_numpy(), self.contested_ids)[0])

    def _note(self, rows: list[dict[str, Any]]) -> None:
        self.found.accepted += len(rows)
        self.flags.update(flag for row in rows for flag in (row["flags"] or "").split(";") if flag)
        self.tally.add(Tally.of("firms", rows))

    def _count(self, typed: pl.DataFrame) -> None:
        """Count what the guards look at."""
        tally = self.tally
        tally.kept += typed.height
        tally.distinct += typed.height
        self.found.accepted += typed.height
        for flags, count in typed["flags"].drop_nulls().value_counts().iter_rows():
            for flag in flags.split(";"):
                self.flags[flag] += count
        tally.days.update(dict(
            typed.filter(pl.col("founded_precision") == "day")["founded_on"].value_counts().iter_rows()
        ))  # fmt: skip
        placed = typed.filter(pl.col("city").is_not_null()).group_by("city", pl.col("uscc").str.slice(0, 6).alias("o")).len()
        for city, office, count in placed.iter_rows():
            city = fold(city)
            tally.cities.add(city)
            if office is not None:
                tally.places.setdefault(city, Counter())[place_of_code(office)] += count

    def settle(self) -> pl.DataFrame:
        """The rows of codes that several records have, once all were read."""
        part = Judged("firms", 0, 0, [], [])
        kept = self.contested
        settle_duplicates("firms", kept, part)
        self.tally.add(Tally.of("firms", kept))
        self.flags.update(flag for row in kept for flag in (row["flags"] or "").split(";") if flag)
        self.found.accepted += part.accepted
        self.doubles += sum(int(f.split(":")[1]) for f in part.flags)
        if part.quarantine:
            self.held.append(pl.DataFrame(part.quarantine, schema={k: v for k, v in QUARANTINE_SCHEMA.items() if k != "page_key"}))
        return pl.DataFrame(part.rows, schema=dict(SCHEMAS["firms"]), infer_schema_length=0)

    def finish(self, manifest: Mapping[str, Any]) -> None:
        """Judge the file as a whole. Raises BlockFile."""
        if self.doubles:
            self.found.flags.append(f"duplicates_merged:{self.doubles}")
        guard(self.found, self.tally, manifest)
        note_flags(self.found, self.flags)

    def quarantine(self, page_key: str) -> pl.DataFrame:
        if not self.held:
            return pl.DataFrame(schema=QUARANTINE_SCHEMA)
        held = pl.concat(self.held).sort("record").with_columns(pl.lit(page_key).alias("page_key"))
        return held.select(pl.col(c).cast(t) for c, t in QUARANTINE_SCHEMA.items())


def _scrubbed(row: Mapping[str, Any], columns: list[str]) -> Any:
    if row["odd"] is not None:
        return json.loads(row["odd"].decode("utf-8", "surrogatepass"))
    return (row["record"], {c: row[c] for c in columns if row[c] is not None}, "", "", "", {})


def _contested(source: Any, meta: Mapping[str, Any], today: dt.date) -> np.ndarray:
    """The identities (code and date) that more than one record has, as hashes: eight bytes a record while looking."""
    names = source.schema_arrow.names
    if "uscc" not in names:
        return np.empty(0, dtype=np.uint64)
    dates = _Dates("as_of", {"as_of": pl.String, "_p": pl.String}, today, 1949)
    hashes = []
    for batch in source.iter_batches(batch_size=BATCH * 4, columns=["uscc", "as_of"] if "as_of" in names else ["uscc"]):
        frame = pl.from_arrow(batch)
        assert isinstance(frame, pl.DataFrame)
        code = frame["uscc"]
        clean = code.str.contains("^[0-9A-Z]{18}$").fill_null(True)
        if not clean.all():
            folded = pl.Series([clean_code(c) for c in code.filter(~clean).to_list()], dtype=pl.String)
            code = code.scatter(np.flatnonzero(~clean.to_numpy()), folded)
        as_of = dates.of(frame["as_of"])["as_of"] if "as_of" in frame.columns else pl.repeat(None, frame.height, dtype=pl.String, eager=True)
        long = code.str.len_bytes() == 18
        hashes.append(_Judge._identities(long.fill_null(False), code, as_of).drop_nulls().to_numpy())
    every = np.concatenate(hashes) if hashes else np.empty(0, dtype=np.uint64)
    hashes.clear()
    every.sort()
    return np.unique(every[1:][every[1:] == every[:-1]])


def form_of(scrubbed: Path) -> tuple[dict[str, Any], int]:
    """What was understood of a file, and its number of records, from its scrubbed form."""
    found = pq.read_metadata(scrubbed)
    return json.loads(found.metadata[META]), int(found.num_rows)


def judge_bulk(
    scrubbed: Path, today: dt.date, seeds: Path, workdir: Path | None = None, provenance: Mapping[str, str] | None = None,
    page_key: str = "",
) -> Parsed:  # fmt: skip
    """Judge a scrubbed form as judge.judge does. With `workdir`, the tables `firms` and `firms_sector` are written there
    (their columns, then those of `provenance`) and given back as paths; without, nothing is written. Raises BlockFile
    when an anomaly guard holds the file back."""
    _plain_memory()
    source = pq.ParquetFile(scrubbed)
    meta, total = form_of(scrubbed)
    judge = _Judge(meta, today, _contested(source, meta, today))
    said = {name: pl.lit(value) for name, value in (provenance or {}).items()}
    schemas = {"firms": SCHEMAS["firms"], "firms_sector": EXTRACT}
    writers: dict[str, _Writer] = {}
    paths = {name: workdir / f"{name}.parquet" for name in schemas} if workdir else {}
    few = (*FEW, "uscc_valid", "founded_precision", "closed_precision", "capital_currency", "flags", *said)
    for name, path in paths.items():
        writers[name] = _Writer(path, {**schemas[name], **dict.fromkeys(said, pl.String)}, few if name == "firms" else ())

    deciding = _Lane()  # sector and places, beside the judging of the next records
    maybe: list[pl.DataFrame] = []  # records that may be of the sector
    found: list[pl.DataFrame] = []  # those that are
    unjudged = total <= LIST_ROWS

    def decide(rows: pl.DataFrame) -> None:
        # most records of a register have no word of the sector, and what the rules cost goes little with their number
        maybe.append(_compact(rows if unjudged else rows.filter(may_be_of_sector(rows, seeds))))
        if sum(part.height for part in maybe) > MANY:
            classify()

    def classify() -> None:
        if maybe:
            found.append(_compact(sector_of(pl.concat(maybe), seeds, unjudged=unjudged)))
            maybe.clear()
            locate(MANY)

    def locate(least: int) -> None:
        """Places are looked for in many records at once: what the gazetteer costs does not depend on their number."""
        if sum(part.height for part in found) > least:
            placed = placed_of(pl.concat(found), seeds)
            found.clear()
            writers["firms_sector"].write(placed.with_columns(**said))

    def rest() -> None:
        classify()
        locate(0)

    def put(rows: pl.DataFrame) -> None:
        if writers and rows.height:
            writers["firms"].write(rows.with_columns(**said))
            deciding.submit(decide, rows)

    def batches() -> Iterator[pl.DataFrame]:
        for batch in source.iter_batches(batch_size=BATCH):
            frame = pl.from_arrow(batch)
            assert isinstance(frame, pl.DataFrame)
            yield frame

    try:
        if writers:
            deciding.submit(gazetteer_of, seeds)  # while the first records are judged
        for frame in _ahead(batches()):
            put(judge.batch(frame))
        put(judge.settle())
        deciding.submit(rest)
        deciding.close()
        judge.finish(meta.get("manifest") or {})
    except BaseException:
        deciding.abandon()
        for writer in writers.values():
            writer.abandon()
        raise
    for writer in writers.values():
        writer.close()
    return Parsed(
        tables=dict(paths), records_in=judge.found.records_in, accepted=judge.found.accepted,
        quarantine=judge.quarantine(page_key), notes=judge.found.notes,
    )  # fmt: skip


def _compact(frame: pl.DataFrame) -> pl.DataFrame:
    """A copy that owns its text: what a filter keeps points into the text of all that it left out, and holds it."""
    found = pl.from_arrow(frame.to_arrow(compat_level=pl.CompatLevel.oldest()))
    assert isinstance(found, pl.DataFrame)
    return found


def scratch(folder: Path | None = None) -> tempfile.TemporaryDirectory[str]:
    """A folder for what is being written."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(prefix="bulk-", dir=folder)
