"""Reading the Shenzhen Stock Exchange's workbooks.

Belongs here: columns of the two lists. Does not belong here: fetching, and which firm a company is.
Header cells hold runs of blanks (`省    份`); they are compared without any.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Iterator

import openpyxl
import polars as pl

from ingest.declaration import Page, ParseContext, Parsed, RejectFile, Table
from ingest.firms.enrichment import ENRICHED
from ingest.records import Books, Column, balance, date, optional_date, whole
from ingest.web.listings import code, judged

LISTED = Table(
    name="listed",
    schema={
        "record_id": pl.String, "stock_code": pl.String, "b_stock_code": pl.String, "short_name": pl.String,
        "board": pl.String, "name_zh": pl.String, "name_en": pl.String, "address": pl.String,
        "region": pl.String, "province": pl.String, "city": pl.String, "industry": pl.String,
        "website": pl.String, "listed_on": pl.Date, "total_shares": pl.Int64, "float_shares": pl.Int64,
        "status": pl.String, **ENRICHED,
    },
    key=("record_id",),
    bounds=(2_000, 6_000),
    description="Companies with A shares listed in Shenzhen",
)  # fmt: skip
NAME_CHANGES = Table(
    name="name_changes",
    schema={
        "record_id": pl.String, "stock_code": pl.String, "short_name": pl.String, "changed_on": pl.Date,
        "name_before": pl.String, "name_after": pl.String,
    },
    key=("stock_code", "changed_on", "name_before", "name_after"),
    bounds=(1_000, 10_000),
    description="Changes of full names of companies listed in Shenzhen",
)  # fmt: skip


LISTED_COLUMNS = (
    Column("record_id", "A股代码", code, required=True),
    Column("stock_code", "A股代码", code),
    Column("b_stock_code", "B股代码", code),
    Column("short_name", "A股简称"),
    Column("board", "板块"),
    Column("name_zh", "公司全称", required=True),
    Column("name_en", "英文名称"),
    Column("address", "注册地址"),
    Column("region", "地区"),
    Column("province", "省份"),
    Column("city", "城市"),
    Column("industry", "所属行业"),
    Column("website", "公司网址"),
    Column("listed_on", "A股上市日期", optional_date(), blank=True),
    Column("total_shares", "A股总股本", whole),
    Column("float_shares", "A股流通股本", whole),
)
LISTED_KNOWN = frozenset("B股简称 B股上市日期 B股总股本 B股流通股本 未盈利 具有表决权差异安排 具有协议控制架构".split())
CHANGE_COLUMNS = (
    Column("stock_code", "证券代码", code, required=True),
    Column("short_name", "证券简称"),
    Column("changed_on", "变更日期", date, required=True),
    Column("name_before", "变更前全称", required=True),
    Column("name_after", "变更后全称", required=True),
)


def records(page: Page) -> Iterator[dict[str, str]]:
    """The rows of the first sheet under its header, header cells without blanks. Raises RejectFile."""
    try:
        with zipfile.ZipFile(io.BytesIO(page.body)) as archive:
            if sum(item.file_size for item in archive.infolist()) > 200_000_000:
                raise RejectFile("too_large", f"{page.key}: unpacks to more than 200 MB")
        book = openpyxl.load_workbook(io.BytesIO(page.body), read_only=True, data_only=True)
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise RejectFile("unreadable", f"{page.key}: {type(error).__name__}") from None
    sheet = book[book.sheetnames[0]]
    # Some writers state a wrong dimension; read what is there.
    sheet.reset_dimensions()
    rows = sheet.iter_rows(values_only=True)
    header = [re.sub(r"\s+", "", str(cell or "")) for cell in next(rows, ())]
    if not any(header):
        raise RejectFile("schema_changed", f"{page.key}: no header row")
    if len(set(filter(None, header))) != len([h for h in header if h]):
        raise RejectFile("schema_changed", f"{page.key}: a column stands twice")
    for row in rows:
        if any(cell not in (None, "") for cell in row):
            yield {name: "" if cell is None else str(cell) for name, cell in zip(header, row, strict=False) if name}
    book.close()


def parse(pages: Iterable[Page], context: ParseContext) -> Parsed:
    """The two workbooks into the two tables, each company judged by its name and located by its address. Raises RejectFile("schema_changed") where a needed column has
    gone; unknown columns become notes."""
    listed = Books(LISTED, LISTED_COLUMNS, LISTED_KNOWN)
    changes = Books(NAME_CHANGES, CHANGE_COLUMNS)
    for page in pages:
        if page.key == "listed.xlsx":
            for record in records(page):
                listed.add(record, page.key, {"status": "listed"})
        else:
            for record in records(page):
                changes.add(record, page.key)
    parsed = balance([listed, changes])
    parsed.tables["listed"] = judged(parsed.tables["listed"], dict(LISTED.schema), context.seeds)
    return parsed
