"""Parquet files as records of text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.declaration import RejectFile
from ingest.files.records import MAX_COLUMNS, FileRead, Record, check_header
from ingest.files.workbooks import cell_text


def open_parquet(path: Path) -> FileRead:
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
            values[name] = cell_text(_Plain(value))
    return Record(number, values, faults=faults)


@dataclass
class _Plain:
    value: Any
