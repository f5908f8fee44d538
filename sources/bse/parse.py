"""Reading the Beijing Stock Exchange's list.

Belongs here: its fields. Does not belong here: fetching, and which firm a company is.
Rows come as objects whose fields are named in pinyin (xxzqdm is 信息证券代码); some readers met them as bare lists, in
the order of those names. A bare row is believed only at its known width and with a stock code, a date and an industry
where they belong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from ingest.declaration import Page, ParseContext, Parsed, RejectFile, Table
from ingest.firms.enrichment import ENRICHED
from ingest.records import Books, Column, balance, optional_date
from ingest.web.listings import code, judged, rows_of
from sources.bse.fetch import block

LISTED = Table(
    name="listed",
    schema={
        "record_id": pl.String, "stock_code": pl.String, "short_name": pl.String, "short_name_en": pl.String,
        "industry": pl.String, "province": pl.String, "listed_on": pl.Date, "reported_on": pl.Date,
        "status": pl.String, **ENRICHED,
    },
    key=("record_id",),
    bounds=(100, 2_000),
    description="Companies listed in Beijing",
)  # fmt: skip
COLUMNS = (
    Column("record_id", "xxzqdm", code, required=True),
    Column("stock_code", "xxzqdm", code),
    Column("short_name", "xxzqjc", required=True),
    Column("short_name_en", "xxywjc"),
    Column("industry", "xxhyzl"),
    Column("province", "xxssdq"),
    Column("listed_on", "fxssrq", optional_date(), blank=True),
    Column("reported_on", "xxjsrq", optional_date(), blank=True),
)
#: Fields that are numbers of shares, prices, flags of trading, and the broker: none says who or where a firm is.
KNOWN = re.compile(r"^(xx|fx)[a-z]{2,10}$")
WIDTH = 48
POSITIONS = {"fxssrq": 0, "xxhyzl": 17, "xxjsrq": 22, "xxssdq": 29, "xxzqdm": 38, "xxzqjc": 40}
ANCHORS = {"xxzqdm": r"[489]\d{5}", "fxssrq": r"\d{8}|\d{4}-\d\d-\d\d", "xxhyzl": r"[^\d]{2,30}"}


def named(row: object, where: str) -> Mapping[str, Any]:
    """A row by field name. Raises RejectFile("schema_changed") for a bare row that is not as wide as it was known, or
    whose anchors do not fit."""
    if isinstance(row, dict):
        return row
    if not isinstance(row, list) or len(row) != WIDTH:
        size = len(row) if isinstance(row, list) else 0
        raise RejectFile("schema_changed", f"{where}: a bare row of {size} columns, known are {WIDTH}")
    found = {name: row[at] for name, at in POSITIONS.items()}
    for name, pattern in ANCHORS.items():
        if not re.fullmatch(pattern, str(found[name])):
            raise RejectFile("schema_changed", f"{where}: column {POSITIONS[name]} holds no {name}")
    return found


def parse(pages: Iterable[Page], context: ParseContext) -> Parsed:
    """The list into its table. Raises RejectFile("schema_changed") where a needed field has gone."""
    listed = Books(LISTED, COLUMNS)
    for page in pages:
        for row in rows_of(block(page).get("content"), page.key):
            listed.add(named(row, page.key), page.key, {"status": "listed"})
    listed.known = frozenset(name for name in listed.seen if KNOWN.match(name))
    parsed = balance([listed])
    frame = parsed.tables["listed"].with_columns(pl.col("short_name").alias("name_zh"))
    parsed.tables["listed"] = judged(frame, dict(LISTED.schema), context.seeds)
    return parsed
