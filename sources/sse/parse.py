"""Reading the Shanghai Stock Exchange's lists and profiles.

Belongs here: their fields. Does not belong here: fetching, and which firm a company is. Fields about persons
(LEGAL_REPRESENTATIVE, E_MAIL_ADDRESS, REPR_PHONE) are gone before the bytes are kept, and no column could hold them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import polars as pl

from sources.base import Page, ParseContext, Parsed, RejectFile, Table
from sources.firm_enrichment import ENRICHED
from sources.listings import code, judged, rows_of, unwrapped
from sources.records import Books, Column, at, balance, date

_COMPANY: dict[str, Any] = {
    "record_id": pl.String, "stock_code": pl.String, "b_stock_code": pl.String, "company_code": pl.String,
    "short_name": pl.String, "name_zh": pl.String, "industry_code": pl.String, "industry": pl.String,
    "listed_on": pl.Date, "board": pl.String, "status": pl.String,
}  # fmt: skip
_PROFILE: dict[str, Any] = {
    "record_id": pl.String, "name_zh": pl.String, "name_en": pl.String, "short_name": pl.String,
    "province": pl.String, "address": pl.String, "office_address": pl.String, "industry": pl.String,
    "industry_division": pl.String, "industry_group": pl.String, "sse_industry": pl.String, "website": pl.String,
    "state": pl.String,
}  # fmt: skip
LISTED = Table(
    name="listed",
    schema={**_COMPANY, **ENRICHED},
    key=("record_id",),
    bounds=(1_500, 5_000),
    description="Companies with A shares, B shares or STAR shares listed in Shanghai",
)
DELISTED = Table(
    name="delisted",
    schema={
        "record_id": pl.String, "company_code": pl.String, "short_name": pl.String, "name_zh": pl.String,
        "listed_on": pl.Date, "delisted_on": pl.Date, "status": pl.String,
    },
    key=("record_id",),
    bounds=(0, 2_000),
    description="Companies whose listing in Shanghai has ended",
)  # fmt: skip
PROFILES = Table(
    name="profiles",
    schema={**_PROFILE, **ENRICHED},
    key=("record_id",),
    bounds=(0, 2_000),
    description="Profiles of listed companies whose name says vehicles or their parts",
)
BOARDS = {"listed-1": "main board A", "listed-2": "main board B", "listed-8": "STAR"}

_SHARED = (
    Column("company_code", "COMPANY_CODE", code, required=True),
    Column("short_name", "COMPANY_ABBR"),
    Column("name_zh", "FULL_NAME"),
    Column("listed_on", "LIST_DATE", date),
)
LISTED_COLUMNS = (
    *_SHARED[:2],
    Column("name_zh", "FULL_NAME", required=True),
    _SHARED[3],
    Column("stock_code", "A_STOCK_CODE", code),
    Column("b_stock_code", "B_STOCK_CODE", code),
    Column("industry_code", "CSRC_CODE"),
    Column("industry", "CSRC_CODE_DESC"),
)
DELISTED_COLUMNS = (
    *_SHARED,
    Column("record_id", "COMPANY_CODE", code, required=True),
    Column("delisted_on", "DELIST_DATE", date),
)
PROFILE_COLUMNS = (
    Column("record_id", "COMPANY_CODE", code, required=True),
    Column("name_zh", "FULLNAME", required=True),
    Column("name_en", "FULL_NAME_IN_ENGLISH"),
    Column("short_name", "COMPANY_ABBR"),
    Column("province", "AREA_NAME_DESC"),
    Column("address", "COMPANY_ADDRESS"),
    Column("office_address", "OFFICE_ADDRESS"),
    Column("industry", "CSRC_CODE_DESC"),
    Column("industry_division", "CSRC_GREAT_CODE_DESC"),
    Column("industry_group", "CSRC_MIDDLE_CODE_DESC"),
    Column("sse_industry", "SSE_CODE_DESC"),
    Column("website", "WWW_ADDRESS"),
    Column("state", "STATE_CODE_A_DESC"),
)
LIST_KNOWN = frozenset(
    "SEC_NAME_CN SEC_NAME_FULL A_STOCK_CODE B_STOCK_CODE CSRC_CODE CSRC_CODE_DESC AREA_NAME AREA_NAME_DESC PRODUCT_STATUS "
    "STATE_CODE STATE_CODE_STOCK STATE_CODE_A LISTING_BOARD STOCK_TYPE TYPE NUM COMPANY_STATUS CHANGE_DATE DELIST_DATE "
    "SECURITY_CODE_A SECURITY_ABBR_A SECURITY_CODE_B".split()
)
PROFILE_KNOWN = frozenset(
    "SECURITY_ABBR_A SECURITY_CODE_A SECURITY_CODE_B SEC_NAME_FULL OFFICE_ZIP QIANYI_DATE TYPE FOREIGN_LISTING_ADDRESS "
    "FOREIGN_LISTING_DESC CHANGEABLE_BOND_CODE CHANGEABLE_BOND_ABBR OTHER_ABBR OTHER_CODE STATE_CODE_B_DESC "
    "SECURITY_30_DESC A_LIST_DATE B_LIST_DATE".split()
)


def parse(pages: Iterable[Page], context: ParseContext) -> Parsed:
    """Lists and profiles into three tables. Raises RejectFile("schema_changed") where a needed field has gone; unknown
    fields become notes. A company with A and B shares stands once a share, under its share's code."""
    listed = Books(LISTED, LISTED_COLUMNS, LIST_KNOWN)
    delisted = Books(DELISTED, DELISTED_COLUMNS, LIST_KNOWN)
    profiles = Books(PROFILES, PROFILE_COLUMNS, PROFILE_KNOWN)
    for page in pages:
        for record in rows_of(at(unwrapped(page.body, page.key), "result"), page.key):
            if not isinstance(record, dict):
                raise RejectFile("schema_changed", f"{page.key}: a record is no object")
            kind = page.key.rsplit("-p", 1)[0]
            if kind in BOARDS:
                share = record.get("B_STOCK_CODE" if kind == "listed-2" else "A_STOCK_CODE")
                try:
                    own = code(share)
                except ValueError:
                    own = None
                if own is None:
                    listed.refuse(record, page.key, "missing_stock_code", f"no code of a {BOARDS[kind]} share")
                    continue
                listed.add(record, page.key, {"record_id": own, "board": BOARDS[kind], "status": "listed"})
            elif kind == "delisted":
                delisted.add(record, page.key, {"status": "delisted"})
            else:
                profiles.add(record, page.key)
    parsed = balance([listed, delisted, profiles])
    for book in (listed, profiles):
        name = book.table.name
        parsed.tables[name] = judged(parsed.tables[name], dict(book.table.schema), context.seeds)
    return parsed
