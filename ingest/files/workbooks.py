"""Workbooks (xlsx): the first sheet's records, no formula evaluated."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ingest.declaration import RejectFile
from ingest.files.archives import check_zip
from ingest.files.encodings import sniff
from ingest.files.records import MAX_COLUMNS, MIB, FileRead, NumberText, Record, check_header

MAX_XLSX = 512 * MIB


def open_xlsx(path: Path) -> FileRead:
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
        first = next((row for row in rows if any(cell_text(c) not in (None, "") for c in row)), None)
    except RejectFile:
        raise
    except Exception as error:  # noqa: BLE001 - openpyxl raises whatever its XML parser does
        raise RejectFile("bad_workbook", type(error).__name__) from None
    if first is None:
        raise RejectFile("empty_file", "the first sheet is empty")
    header = [str(cell_text(c) or "").strip() for c in first]
    while header and not header[-1]:
        header.pop()
    if len(header) > MAX_COLUMNS:
        raise RejectFile("too_many_columns", f"{len(header)} columns, at most {MAX_COLUMNS}")
    check_header(header)
    flags = [f"other_sheets_ignored:{len(book.worksheets) - 1}"] if len(book.worksheets) > 1 else []
    return FileRead("xlsx", "utf-8", header, _xlsx_records(rows, header), flags)


def cell_text(cell: Any) -> str | None:
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
        except Exception as error:  # noqa: BLE001 - the same
            raise RejectFile("bad_workbook", type(error).__name__) from None
        if row is None:
            return
        texts = [cell_text(c) for c in row]
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
