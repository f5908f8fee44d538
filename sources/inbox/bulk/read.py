"""From the bytes of a large file to its scrubbed form.

Belongs here: reading block by block, telling plain records from others, taking personal data out, writing the form (one
Parquet file that the raw store keeps). Does not belong here: what a record must be (judge.py here and above).

One thread inflates; this one tells lines that are whole plain records from all others and parses the former with Polars,
the latter with ingest.files.tables; a third looks over whole lines for the few records that may hold personal data or damaged
text; others write, and judge (`meet`) what was just read, so that it need not be read again.
"""

from __future__ import annotations

import io
import json
import queue
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from ingest.declaration import RejectFile
from ingest.files.archives import gunzip_into
from ingest.files.delimited import csv_header, csv_record, next_record
from ingest.files.encodings import detect_encoding, sniff
from ingest.files.open import open_table
from ingest.files.parquet import parquet_record
from ingest.files.records import MAX_COLUMNS, MAX_LINE, Record
from ingest.text.scrub import HINT, redact
from sources.inbox.bulk.lanes import FEW, Lane, Writer, frame_of, plain_memory
from sources.inbox.cells import PLAIN, kept
from sources.inbox.kinds import SCHEMAS
from sources.inbox.scrubbed import MAX_TEXT, Scrubber, check_bytes, shapes_of, unended
from sources.inbox.texts import TURNED, is_mojibake

BLOCK = 12 << 20  # decoded bytes that are read at once
HEAD = 4 << 20  # decoded bytes that tell the encoding
BATCH = 50_000  # records of Parquet that are read at once
SPELLINGS = 200_000  # of a typed column, remembered with what is kept of each

#: Whoever judges records while they are read: made for a file's scrubber, then given every part of the form.
Meet = Callable[[pl.DataFrame], None]


# -- suspicion: what one look at a whole record must not find -------------------------------------------------
#: Anything that judge.check_text might refuse, or that it flags (bidi marks, zero-width blanks).
_DAMAGED = (
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad\u061c]|锟斤拷|烫烫烫"
    "|(?:[\u0080-\u00ff][^\u0080-\u00ff]*){4}"
)


#: A record without any of these, nor the mark of UTF-8 read as GB18030, is taken as it is.
_SUSPICIOUS = f"{HINT}|{_DAMAGED}|{TURNED.pattern}"


# -- the scrubbed form ----------------------------------------------------------------------------------------
class Form:
    """The scrubbed form as it is written: one row a record, the kind's columns as text, `record`, `check` (its text must
    be looked at), `odd` (a record that has no row of text: its scrubbed form as JSON). Each part of it that is added is
    a row group, and goes to `meet`."""

    def __init__(self, path: Path, columns: list[str], meet: Meet | None = None):
        self.columns = columns
        self.schema = {"record": pl.Int64, "check": pl.Boolean, "odd": pl.Binary, **dict.fromkeys(columns, pl.String)}
        self.writer = Writer(path, self.schema, tuple(c for c in columns if c in FEW))
        self.meet, self.meeting = meet, Lane()
        self.records = 0

    def add(self, frame: pl.DataFrame) -> None:
        if frame.is_empty():
            return
        frame = frame.select(list(self.schema))
        self.records += frame.height
        self.writer.write(frame)
        if self.meet is not None:
            self.meeting.submit(self.meet, frame)

    def of_records(self, records: list[Any]) -> pl.DataFrame:
        """Records one by one: plain ones as text, all others as JSON."""
        rows = []
        for record in records:
            number, values, _, _, _, faults = record
            if values is not None and not faults and not any(map(_has_surrogate, values.values())):
                rows.append({"record": number, "check": True, **values})
            else:
                line = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
                rows.append({"record": number, "check": True, "odd": line.encode("utf-8", "surrogatepass")})
        return pl.DataFrame(rows, schema=self.schema, infer_schema_length=0)

    def close(self, meta: Mapping[str, Any]) -> None:
        self.meeting.close()
        self.writer.close(meta)

    def abandon(self) -> None:
        self.meeting.abandon()
        self.writer.abandon()


def _has_surrogate(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


class Read(NamedTuple):
    """What reading a file came to."""

    meta: dict[str, Any]  # what was understood of it
    sha256: str  # of the form
    met: bool  # whether all of the form went to `meet`


def read_bulk(
    path: Path, kind: str, media: str, manifest: Mapping[str, Any], out: Path,
    meet: Callable[[Scrubber], Meet] | None = None,
) -> Read:  # fmt: skip
    """Read a large tabular file strictly, take personal data out, and write its scrubbed form to `out`. `meet`, called once
    the columns are known, gives a function that gets every part of the form as it is written, but not for files that are
    read record by record. Raises RejectFile or BlockFile with its reason, as sources.inbox.judge.read does."""
    plain_memory()
    check_bytes(path, manifest)
    if media in ("csv", "csv.gz"):
        reader: Any = _CsvReader(path, kind, media, out, meet)
    elif media == "parquet":
        reader = _ParquetReader(path, kind, out, meet)
    else:
        reader = _RecordReader(path, kind, media, out)
    try:
        try:
            reader.run()
        except NotPlain:  # a form of delimited text that is read record by record
            reader.abandon()
            reader = _RecordReader(path, kind, media, out)
            reader.run()
        reader.close()
        reader.scrubber.finish(reader.out.records, manifest)
        meta = reader.scrubber.meta(reader.encoding, [*reader.flags, *unended(path, media)], manifest)
        reader.out.close(meta)
    except BaseException:
        reader.abandon()
        raise
    return Read(meta, reader.out.writer.sha256, reader.meet is not None)


class NotPlain(Exception):
    """A delimited file that the reader of blocks does not read (UTF-16, columns without a name at the end)."""


class _Reader:
    out: Form | None = None
    encoding = "utf-8"
    others_arouse = False  # whether columns that are not kept look suspicious in most lines
    meet: Callable[[Scrubber], Meet] | None = None
    scrubber: Any = None

    def __init__(self) -> None:
        self.flags: list[str] = []
        self.spellings: dict[str, dict[str, str]] = {}
        self.looking = Lane()

    def close(self) -> None:
        self.looking.close()

    def abandon(self) -> None:
        self.looking.abandon()
        if self.out is not None:
            self.out.abandon()

    def begin(self, path: Path, columns: list[str]) -> None:
        """Open the form, once the columns are known."""
        self.out = Form(path, columns, self.meet(self.scrubber) if self.meet else None)

    def take(
        self, frame: pl.DataFrame | None, text: pl.Series | pl.Expr | None, others: list[Any], whole: bool = True
    ) -> None:
        """Write records: those of `frame`, after a closer look at the ones whose text arouses suspicion, and `others`,
        which were read one by one. `text` holds all that a record of `frame` does and, unless it is the `whole` of it,
        more (columns that are not kept)."""
        self.looking.submit(self._take, frame, text, others, whole)

    def _take(self, frame: pl.DataFrame | None, text: Any, others: list[Any], whole: bool) -> None:
        assert self.out is not None
        parts = [self._looked_at(frame, text, whole).select(list(self.out.schema))] if frame is not None else []
        if others:
            parts.append(self.out.of_records(others))
        if parts:
            self.out.add(pl.concat(parts) if len(parts) > 1 else parts[0])

    def _looked_at(self, frame: pl.DataFrame, text: pl.Series | pl.Expr, whole: bool) -> pl.DataFrame:
        """The records of `frame` in the form: personal data redacted, typed cells in their shape, damaged ones to be
        checked."""
        assert self.out is not None
        kept = pl.concat_str(self.out.columns, separator=",", ignore_nulls=True)
        whole = whole or self.others_arouse
        if self.others_arouse:
            text = kept
        if isinstance(text, pl.Expr):
            text = frame.select(text).to_series()
        suspect = text.str.contains(_SUSPICIOUS).to_numpy()
        if not whole and suspect.any():
            suspect = self._kept_is_suspect(frame, kept, suspect)
        check = np.zeros(frame.height, dtype=bool)
        odd = self._not_plain(frame)
        if suspect.any():
            rows = np.flatnonzero(suspect)
            text = text.gather(rows) if whole else frame[rows].select(kept).to_series()
            frame, check[rows] = self._redacted(frame, rows, text, odd)
        return self._shaped(frame, odd).with_columns(pl.Series("check", check), pl.lit(None, pl.Binary).alias("odd"))

    def _kept_is_suspect(self, frame: pl.DataFrame, kept: pl.Expr, suspect: np.ndarray) -> np.ndarray:
        """Of suspect records: those whose kept columns are. Where the others are to blame for most (telephones in a
        column that is dropped), only what is kept is looked at from now on."""
        own = frame.filter(suspect).select(kept).to_series().str.contains(_SUSPICIOUS).to_numpy()
        self.others_arouse = bool(2 * own.sum() < suspect.sum() > frame.height // 20)
        suspect = suspect.copy()
        suspect[suspect] = own
        return suspect

    def _not_plain(self, frame: pl.DataFrame) -> dict[str, np.ndarray]:
        """Of each typed column: which cells are not for certain of its type."""
        assert self.out is not None
        typed = [c for c in self.out.columns if c in shapes_of(self.scrubber.kind)]
        plain = [
            (pl.col(c).str.contains(PLAIN[c]) if c in PLAIN else pl.col(c).is_null()).fill_null(True).alias(c)
            for c in typed
        ]
        return {c.name: ~c.to_numpy() for c in frame.select(plain)}

    def _redacted(
        self, frame: pl.DataFrame, rows: np.ndarray, text: pl.Series, odd: dict[str, np.ndarray]
    ) -> tuple[pl.DataFrame, np.ndarray]:  # fmt: skip
        """The frame without personal data in the suspect `rows`, and which of these are damaged. Typed cells that hold
        such data are marked in `odd`."""
        assert self.out is not None
        damaged = text.str.contains(_DAMAGED).to_numpy().copy()
        some = frame[rows]
        # all values of these records as one column: each expression is compiled and applied once
        values = pl.concat([some[c] for c in self.out.columns])
        turned = np.flatnonzero(values.str.contains(TURNED.pattern).fill_null(False).to_numpy())
        wrong = [is_mojibake(v) for v in values.gather(turned).to_list()]
        damaged[turned[wrong] % len(rows)] = True
        personal = np.flatnonzero(values.str.contains(HINT).fill_null(False).to_numpy())
        for number, column in enumerate(self.out.columns):
            own_at = personal[personal // len(rows) == number]
            if not len(own_at):
                continue
            if column in odd:
                odd[column][rows[own_at % len(rows)]] = True
            else:
                clean = pl.Series(list(map(redact, values.gather(own_at).to_list())), dtype=pl.String)
                frame = frame.with_columns(frame[column].scatter(rows[own_at % len(rows)], clean))
        return frame, damaged

    def _shaped(self, frame: pl.DataFrame, odd: dict[str, np.ndarray]) -> pl.DataFrame:
        """The frame with its odd cells as the form keeps them."""
        for column, where in odd.items():
            if where.any():
                at = np.flatnonzero(where)
                cells = frame[column].gather(at)
                clean = self._kept(column, cells)
                other = np.flatnonzero((cells != clean).to_numpy())
                if len(other):
                    frame = frame.with_columns(frame[column].scatter(at[other], clean.gather(other)))
        return frame

    def _kept(self, column: str, cells: pl.Series) -> pl.Series:
        """Typed cells as the form keeps them, each spelling looked at once."""
        known = self.spellings.setdefault(column, {})
        if len(known) > SPELLINGS:
            known.clear()
        shape = shapes_of(self.scrubber.kind)[column]
        texts = cells.to_list()
        for text in set(texts):
            if text not in known:
                known[text] = kept(shape, text, is_mojibake)
        return pl.Series([known[text] for text in texts], dtype=pl.String)


class _RecordReader(_Reader):
    """Any medium, record by record: slow, and still in bounded memory."""

    def __init__(self, path: Path, kind: str, media: str, out: Path):
        super().__init__()
        self.source = open_table(path, media, out.parent)
        self.encoding, self.flags = self.source.encoding, list(self.source.flags)
        self.scrubber = Scrubber(kind, self.source.media, self.source.header)
        every = [c for c in SCHEMAS[kind] if c not in ("record_id", "record_no")]
        self.begin(out, every)

    def run(self) -> None:
        assert self.out is not None
        held: list[Any] = []
        for record in self.source.records:
            held.append(self.scrubber.scrub(record))
            if len(held) >= 20_000:
                self.take(None, None, held)
                held = []
        self.take(None, None, held)


class _ParquetReader(_Reader):
    """Parquet: columns of text as they are; numbers and dates as ingest.files.tables writes them."""

    def __init__(self, path: Path, kind: str, out: Path, meet: Callable[[Scrubber], Meet] | None):
        super().__init__()
        self.meet = meet
        found = open_table(path, "parquet")
        self.scrubber = Scrubber(kind, "parquet", found.header)
        self.mapped = self.scrubber.columns.mapped
        self.begin(out, list(self.mapped.values()))
        self.source = pq.ParquetFile(path)

    def run(self) -> None:
        assert self.out is not None
        header = list(self.mapped)
        for number, frame, rows in self._batches():
            if rows is not None:
                self.take(None, None, [self.scrubber.scrub(parquet_record(number + i, header, row)) for i, row in enumerate(rows, 1)])
                continue
            texts = frame.select(pl.col(h).cast(pl.String).alias(c) for h, c in self.mapped.items())
            texts = texts.with_columns(pl.int_range(number + 1, number + 1 + pl.len(), dtype=pl.Int64).alias("record"))
            whole = pl.concat_str(list(self.mapped.values()), separator=",", ignore_nulls=True)
            long = pl.any_horizontal(pl.col(c).str.len_bytes() > MAX_TEXT for c in self.out.columns).fill_null(False)
            over = texts.filter(long)
            self.take(texts.filter(~long) if over.height else texts, whole, [
                self.scrubber.scrub(Record(row["record"], {h: row[c] for h, c in self.mapped.items()}))
                for row in over.iter_rows(named=True)
            ])  # fmt: skip

    def _batches(self) -> Iterator[tuple[int, pl.DataFrame, list[Any] | None]]:
        """How many records came before, the next ones, and these as Python values where a column is neither text nor whole
        numbers. What goes wrong here is the file's fault; what others make of a batch is not."""
        plain = (pl.String, pl.Categorical, pl.Null)
        number = 0
        batches = self.source.iter_batches(batch_size=BATCH, columns=list(self.mapped))
        while True:
            try:
                batch = next(batches, None)
                if batch is None:
                    return
                frame = frame_of(batch)
                rows = None
                if any(frame.schema[c] not in plain and not frame.schema[c].is_integer() for c in frame.columns):
                    rows = list(zip(*(column.to_pylist() for column in batch.columns), strict=True))
            except (pa.ArrowException, OSError, ValueError) as error:
                raise RejectFile("bad_parquet", type(error).__name__) from None
            yield number, frame, rows
            number += frame.height


class _Pipe:
    """Decoded blocks of a file, read and inflated in a thread: iterate once. A block ends with a line if it holds the end
    of one. Errors of the thread are raised here."""

    def __init__(self, path: Path, media: str):
        self.queue: queue.Queue[bytes | BaseException | None] = queue.Queue(3)
        self.parts: list[bytes] = []
        self.size = 0
        self.stopped = False
        self.thread = threading.Thread(target=self._fill, args=(path, media), daemon=True)
        self.thread.start()

    def write(self, data: bytes) -> None:
        for piece in _pieces(data):
            if self.size + len(piece) < BLOCK:
                self.parts.append(piece)
                self.size += len(piece)
                continue
            cut = piece.rfind(b"\n") + 1
            self.parts.append(piece[:cut] if cut else piece)
            self._flush()
            self.parts = [piece[cut:]] if cut else []
            self.size = sum(map(len, self.parts))

    def _flush(self) -> None:
        block, self.parts, self.size = b"".join(self.parts), [], 0
        if not block:
            return
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
        except BaseException as error:  # noqa: BLE001 - handed on to the thread that asks
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
    """Physical lines of one block for ingest.files.tables.next_record, and whether it asked for more than there are."""

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

    def __init__(self, path: Path, kind: str, media: str, out: Path, meet: Callable[[Scrubber], Meet] | None):
        super().__init__()
        self.path, self.kind, self.media, self.target, self.meet = path, kind, media, out, meet
        self.pipe: _Pipe | None = None
        self.header: list[str] = []
        self.number = 0

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
        if len(data) > HEAD:  # else it is the whole file, whose last line may have no end
            head = head[: head.rfind(b"\n") + 1] or head
        self.encoding = detect_encoding(io.BytesIO(head))
        if self.encoding.startswith("utf-16"):
            raise NotPlain
        if head.isascii() and len(data) >= HEAD:
            self.encoding = self._told_later()
        return data.removeprefix(b"\xef\xbb\xbf")

    def _told_later(self) -> str:
        """The encoding of a file that begins with ASCII alone, by its first lines that are not: it is read twice so far."""
        pipe = _Pipe(self.path, self.media)
        some: list[bytes] = []
        try:
            for block in pipe:
                if not block.isascii():
                    some += [line for line in block.splitlines(keepends=True) if not line.isascii()]
                    if sum(map(len, some)) >= HEAD:
                        break
        finally:
            pipe.stop()
        return detect_encoding(io.BytesIO(b"\n" + b"".join(some)))  # no line is taken for a byte order mark

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
        lines = _Lines(*self._lines(block), ends)
        start = self._take_header(lines) if self.out is None else 0
        sorted_out = self._sort_out(lines, start, final)
        numbers = self.number + np.cumsum(sorted_out.counted)
        self.number = int(numbers[-1]) if len(numbers) else self.number
        frame = text = None
        if sorted_out.plain.any():
            frame, text = self._frame(lines, sorted_out, numbers)
        others = [self.scrubber.scrub(csv_record(int(numbers[i]), found, self.header)) for i, found in sorted_out.slow]
        self.take(frame, text, others, whole=self.whole)
        if sorted_out.carry_from == len(lines):
            return b""
        rest = "".join(lines.at(i) for i in range(sorted_out.carry_from, len(lines)))
        return rest.encode(self.encoding.replace("-sig", ""), "surrogateescape")

    def _take_header(self, lines: _Lines) -> int:
        """Read the header and open the form; returns the number of lines that it takes."""
        reader = _BlockLines(lines.at, len(lines), 0)
        found = next_record(reader, 0)
        if found is not None and found[0] and not found[0][-1].strip():
            raise NotPlain  # columns without a name at the end of every line
        self.header = csv_header(found)
        if len(self.header) > MAX_COLUMNS:
            raise RejectFile("too_many_columns", f"{len(self.header)} columns, at most {MAX_COLUMNS}")
        self.scrubber = Scrubber(self.kind, self.media, self.header)
        mapped = self.scrubber.columns.mapped
        # in the order of the file: a projection keeps it
        self.kept = [(i, mapped[h]) for i, h in enumerate(self.header) if h in mapped]
        self.whole = len(self.kept) == len(self.header)
        self.begin(self.target, [c for _, c in self.kept])
        return reader.consumed

    def _sort_out(self, lines: _Lines, start: int, final: bool) -> _SortedOut:
        """Tell plain lines, which are read all at once, from the records that are read one by one."""
        width = len(self.header)
        plain, blank, starts = _plain_lines(lines.block, lines.series, width)
        plain[:start] = False
        if lines.odd:
            plain[list(lines.odd)] = False
        if not lines.ended and len(lines):
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
            reader = _BlockLines(lines.at, len(lines), index)
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
        return _SortedOut(plain, starts, counted, slow, carry_from)

    def _frame(self, lines: _Lines, sorted_out: _SortedOut, numbers: np.ndarray) -> tuple[pl.DataFrame, pl.Series]:
        """The kept columns of the plain lines, with the numbers of their records, and these lines."""
        plain = sorted_out.plain
        every = bool(plain.all())
        text = lines.series if every else lines.series.filter(pl.Series(plain))
        body = lines.block if every else _slices(lines.block, plain, sorted_out.starts)
        frame = pl.read_csv(
            body, has_header=False, infer_schema=False, columns=[i for i, _ in self.kept],
            quote_char='"' if b'"' in body else None,
        )  # fmt: skip
        frame.columns = [c for _, c in self.kept]
        if frame.height != len(text):
            raise RuntimeError(f"{frame.height} records were parsed out of {len(text)} lines")
        return frame.with_columns(pl.Series("record", numbers[plain], dtype=pl.Int64)), text


@dataclass(frozen=True)
class _Lines:
    """The lines of a block: in UTF-8 with plain line ends, those that are no text (`odd`), and the `ends` that they
    had."""

    block: bytes
    series: pl.Series
    odd: dict[int, str]
    ends: list[bytes] | None

    def __len__(self) -> int:
        return len(self.series)

    @property
    def ended(self) -> bool:
        return self.block.endswith(b"\n")

    def at(self, index: int) -> str:
        """A physical line with its end."""
        text = self.odd[index] if index in self.odd else str(self.series[index])
        if index == len(self) - 1 and not self.ended:
            return text
        return text + (self.ends[index].decode() if self.ends else "\n")


@dataclass(frozen=True)
class _SortedOut:
    """Which lines of a block are plain and where lines start; which count as a record; the records that were read one
    by one; from which line on the block is carried over."""

    plain: np.ndarray
    starts: np.ndarray
    counted: np.ndarray
    slow: list[tuple[int, Any]]
    carry_from: int


#: First bytes of what a line without a record may begin with: ASCII blanks, comma, quote, and those of other blanks in UTF-8.
_BLANK_FIRST = np.zeros(256, dtype=bool)
_BLANK_FIRST[[*range(9, 14), *range(28, 33), ord(","), ord('"'), 0xC2, 0xE1, 0xE2, 0xE3, 0xEF]] = True


def _plain_lines(block: bytes, lines: pl.Series, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of the lines of a block: whether each is one plain record of `width` fields, whether it is blank, and where it
    starts (with the end of the last one, one more than there are lines)."""
    field = '(?:[^",]*|"(?:[^"]|"")*")'
    line = pl.col("line")
    looks = lines.to_frame("line").select(
        (line.str.count_matches(",") == width - 1).alias("plain"),  # faster than with `literal`
        *([line.str.contains('"', literal=True).alias("quoted")] if b'"' in block else []),
        line.str.len_bytes().alias("bytes"),
    )
    plain = looks["plain"].to_numpy().copy()
    bytes_ = looks["bytes"].to_numpy()
    starts = np.zeros(len(lines) + 1, dtype=np.int64)
    np.cumsum(bytes_ + np.int64(1), out=starts[1:])
    if len(block) != starts[-1] - (0 if block.endswith(b"\n") else 1):
        raise RuntimeError(f"{starts[-1]} bytes of lines in a block of {len(block)}")
    if "quoted" in looks.columns:
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
