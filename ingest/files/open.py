"""Reading files that nobody vouches for: delimited text, JSON, Parquet, workbooks, gzip.

Belongs here: size and depth caps, encodings, and records counted one by one, so that each physical record is
either given back or named with the reason why not. Does not belong here: what the columns mean (the inbox
knows), nor documents such as pages and PDFs (ingest.web.documents).

Messages say what is wrong and where (record, column, line), and never what stands there: libraries' own texts quote names of
members, columns and cells, so that only the type of their errors is told.

Nothing is ever extracted to a name found in a file, no archive is opened to disk, no cell is evaluated.
"""

from __future__ import annotations

from pathlib import Path

from ingest.declaration import RejectFile
from ingest.files.archives import gunzip
from ingest.files.delimited import open_csv
from ingest.files.json import open_json, open_jsonl
from ingest.files.parquet import open_parquet
from ingest.files.records import FileRead
from ingest.files.workbooks import open_xlsx


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
        return open_csv(open(path, "rb"))  # closed by the reader
    if media == "csv.gz":
        return open_csv(gunzip(path, workdir), media="csv.gz")
    if media == "jsonl":
        return open_jsonl(open(path, "rb"))
    if media == "json":
        return open_json(path)
    if media == "xlsx":
        return open_xlsx(path)
    if media == "parquet":
        return open_parquet(path)
    raise RejectFile("unsupported_type", f"{path.suffix or 'no ending'} is none of {', '.join(TABULAR)}")
