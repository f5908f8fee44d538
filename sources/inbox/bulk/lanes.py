"""What the steps of a large file share: threads that work side by side, and Parquet written row group by row group.

Belongs here: lanes, the writer, scratch folders. Does not belong here: what is in the files.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

META = b"evatlas"
#: Columns of text with few values among many records.
FEW = ("city_adcode", "city", "province", "status", "company_type", "powertrain", "industry_code", "as_of")


class Lane:
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


def ahead(items: Iterator[Any]) -> Iterator[Any]:
    """The same items, of which the next one is made in a thread meanwhile."""
    end = object()
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = thread.submit(next, items, end)
            yield item


class _Digested:
    """A file for writing that knows the sha256 of what was written."""

    def __init__(self, path: Path):
        self.file = open(path, "wb")
        self.sha256 = hashlib.sha256()

    def write(self, data: Any) -> int:
        self.sha256.update(data)
        return self.file.write(data)

    def tell(self) -> int:
        return self.file.tell()

    def flush(self) -> None:
        self.file.flush()

    def close(self) -> None:
        self.file.close()

    @property
    def closed(self) -> bool:
        return self.file.closed


class Writer:
    """Row groups of one Parquet file, encoded in a thread of their own."""

    def __init__(self, path: Path, schema: Mapping[str, Any], dictionary: tuple[str, ...] = ()):
        # text as views, which is how Polars holds it: no copy on the way to the file (nested ones Arrow does not write)
        nested = any(pl.List in (t, getattr(t, "base_type", lambda: None)()) for t in schema.values())
        self.level = pl.CompatLevel.oldest() if nested else pl.CompatLevel.newest()
        self.schema = pl.DataFrame(schema=dict(schema)).to_arrow(compat_level=self.level).schema
        self.out = _Digested(path)
        self.file = pq.ParquetWriter(
            self.out, self.schema, compression="zstd", compression_level=1, use_dictionary=list(dictionary) or False,
            write_statistics=False, data_page_size=8 << 20, write_batch_size=1 << 16,
        )  # fmt: skip
        self.lane = Lane()
        self.groups = 0

    def write(self, frame: pl.DataFrame) -> None:
        if frame.is_empty():
            return
        self.groups += 1
        self.lane.submit(self._write, frame)

    def _write(self, frame: pl.DataFrame) -> None:
        self.file.write_table(frame.to_arrow(compat_level=self.level).cast(self.schema), row_group_size=frame.height)

    def close(self, meta: Mapping[str, Any] | None = None) -> None:
        self.lane.close()
        if meta is not None:
            self.file.add_key_value_metadata({META: json.dumps(meta, ensure_ascii=False).encode()})
        self.file.close()
        self.out.close()

    @property
    def sha256(self) -> str:
        """The digest of the file, once it is closed."""
        return self.out.sha256.hexdigest()

    def abandon(self) -> None:
        """Stop after an error; the file is not worth reading."""
        self.lane.abandon()
        try:
            self.file.close()
            self.out.close()
        except (pa.ArrowException, OSError, ValueError):
            pass


def frame_of(table: Any) -> pl.DataFrame:
    """An Arrow table or batch as a frame."""
    found = pl.from_arrow(table)
    assert isinstance(found, pl.DataFrame)
    return found


def groups(source: pq.ParquetFile, columns: list[str] | None = None) -> Iterator[pl.DataFrame]:
    """The row groups of a file as they were written."""
    for index in range(source.num_row_groups):
        yield frame_of(source.read_row_group(index, columns=columns))


def parts(source: pq.ParquetFile, columns: list[str] | None = None) -> Iterator[pl.DataFrame]:
    """The parts of a scrubbed form, as they were judged while it was written. Forms of former versions kept the records
    that were read one by one in a row group of their own, which belongs to the one before it."""
    held: pl.DataFrame | None = None
    for frame in groups(source, columns):
        if held is not None and int(frame["record"].min()) > int(held["record"].max()):  # type: ignore[arg-type]
            yield held
            held = None
        held = frame if held is None else pl.concat([held, frame])
    if held is not None:
        yield held


def meta_of(path: Path) -> dict[str, Any]:
    """What the writer of a file said of it."""
    return dict(json.loads(pq.read_metadata(path).metadata[META]))


def plain_memory() -> None:
    """Let Arrow take memory from the system: its own pool gives pages back and asks for them again with each batch, which
    cost a second in ten and a hundred megabytes."""
    if pa.default_memory_pool().backend_name != "system":
        pa.set_memory_pool(pa.system_memory_pool())


def compact(frame: pl.DataFrame) -> pl.DataFrame:
    """A copy that owns its text: what a filter keeps points into the text of all that it left out, and holds it."""
    return frame_of(frame.to_arrow(compat_level=pl.CompatLevel.oldest()))


def scratch(folder: Path | None = None) -> tempfile.TemporaryDirectory[str]:
    """A folder for what is being written."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(prefix="bulk-", dir=folder)
