"""Reading the Shanghai Stock Exchange's lists and profiles.

Belongs here: their fields, and what it means that profiles did not come. Does not belong here: fetching, and which firm
a company is. Fields about persons (LEGAL_REPRESENTATIVE, E_MAIL_ADDRESS, REPR_PHONE) are gone before the bytes are kept,
and no column could hold them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any

import polars as pl

from ingest.declaration import Page, ParseContext, Parsed, RejectFile, Table
from ingest.firms.enrichment import ENRICHED
from ingest.records import Books, Column, at, balance, optional_date, text
from ingest.text.scrub import redact
from ingest.web.bodies import read_json
from ingest.web.listings import code, judged, rows_of, unwrapped
from sources.sse.fetch import ASKED, missing

_COMPANY: dict[str, Any] = {
    "record_id": pl.String, "stock_code": pl.String, "b_stock_code": pl.String, "company_code": pl.String,
    "short_name": pl.String, "name_zh": pl.String, "industry_code": pl.String, "industry": pl.String,
    "listed_on": pl.Date, "delisted_on": pl.Date, "board": pl.String, "status": pl.String,
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
#: COMPANY_STATUS and STATE_CODE of a company whose listing has ended (终止上市).
TERMINATED = "3"
BOARDS = {"listed-1": "main board A", "listed-2": "main board B", "listed-8": "STAR"}

_SHARED = (
    Column("company_code", "COMPANY_CODE", code, required=True),
    Column("short_name", "COMPANY_ABBR"),
    Column("name_zh", "FULL_NAME"),
    Column("listed_on", "LIST_DATE", optional_date(), blank=True),
)
LISTED_COLUMNS = (
    *_SHARED[:2],
    Column("name_zh", "FULL_NAME", required=True),
    _SHARED[3],
    Column("stock_code", "A_STOCK_CODE", code),
    Column("b_stock_code", "B_STOCK_CODE", code),
    Column("industry_code", "CSRC_CODE"),
    Column("industry", "CSRC_CODE_DESC"),
    Column("delisted_on", "DELIST_DATE", optional_date(), blank=True),
)
DELISTED_COLUMNS = (
    *_SHARED,
    Column("record_id", "COMPANY_CODE", code, required=True),
    Column("delisted_on", "DELIST_DATE", optional_date(), blank=True),
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


def refused(profiles: Books, became: dict[str, str]) -> list[tuple[str, str]]:
    """The notes on profiles that did not come. One for which nothing stands is a record that was asked for and is held
    back (`no_profile`); one for which the last good reading stands is a record like any other."""
    lost = {each: redact(why) for each, why in sorted(became.items()) if why}
    have = {row["record_id"] for row in profiles.rows}
    for each, why in lost.items():
        if each not in have:
            profiles.refuse({"COMPANY_CODE": each}, f"profile-{each}", "no_profile", f"{each}: {why}")
    if not lost:
        return []
    first, why = next(iter(lost.items()))
    said = (f"{len(lost)} of {len(became)} profiles asked for did not come, {len(lost.keys() & have)} stand as last read; "
            f"first {first}: {why}")  # fmt: skip
    if 2 * len(lost) <= len(became):
        return [("profiles", said)]
    return [("profiles_refused", f"sse profiles: {said}: the exchange's query of profiles does not answer as it did")]


def status_of(record: dict[str, Any], today: dt.date) -> str:
    """listed or delisted: the lists of listed companies hold some whose listing has ended, by their state or by a date of
    delisting that has come."""
    try:
        ended = optional_date()(record.get("DELIST_DATE"))
    except ValueError:
        ended = None
    gone = text(record.get("STATE_CODE")) == TERMINATED or (ended is not None and ended <= today)
    return "delisted" if gone else "listed"


def list_records(page: Page) -> Iterator[dict[str, Any]]:
    """The records of a page of a list."""
    for record in rows_of(at(unwrapped(page.body, page.key), "result"), page.key):
        if not isinstance(record, dict):
            raise RejectFile("schema_changed", f"{page.key}: a record is no object")
        yield record


def add_listed(listed: Books, record: dict[str, Any], page: Page, kind: str, today: dt.date) -> None:
    """A company under the code of its share of the board; refused where it has none."""
    share = record.get("B_STOCK_CODE" if kind == "listed-2" else "A_STOCK_CODE")
    try:
        own = code(share)
    except ValueError:
        own = None
    if own is None:
        listed.refuse(record, page.key, "missing_stock_code", f"no code of a {BOARDS[kind]} share")
    else:
        listed.add(record, page.key, {"record_id": own, "board": BOARDS[kind], "status": status_of(record, today)})


def parse(pages: Iterable[Page], context: ParseContext) -> Parsed:
    """Lists and profiles into three tables. Raises RejectFile("schema_changed") where a needed field of a list has gone;
    unknown fields become notes. A company with A and B shares stands once a share, under its share's code. A profile that
    did not come is quarantined under its company's code, and costs nothing else; where most of them did not come, the
    notes refuse the profiles by name."""
    listed = Books(LISTED, LISTED_COLUMNS, LIST_KNOWN)
    delisted = Books(DELISTED, DELISTED_COLUMNS, LIST_KNOWN)
    profiles = Books(PROFILES, PROFILE_COLUMNS, PROFILE_KNOWN, besides=True)
    became: dict[str, str] = {}
    for page in pages:
        kind = page.key.rsplit("-p", 1)[0]
        if page.key == ASKED:
            told = read_json(page.body, page.key)
            became |= {str(each): str(why) for each, why in told.items()} if isinstance(told, dict) else {}
        elif kind.startswith("profile-"):
            code_asked = page.key.removeprefix("profile-")
            became.setdefault(code_asked, missing(page, code_asked))  # of kept snapshots without the page `asked`
            for record in at(unwrapped(page.body, page.key), "result") if not missing(page, code_asked) else ():
                profiles.add(record, page.key)
        elif kind in BOARDS:
            for record in list_records(page):
                add_listed(listed, record, page, kind, context.today)
        elif kind == "delisted":
            for record in list_records(page):
                delisted.add(record, page.key, {"status": "delisted"})
        else:
            raise RejectFile("schema_changed", f"sse: a page of unknown kind {page.key[:40]!r}")
    notes = refused(profiles, became)
    parsed = balance([listed, delisted, profiles], notes)
    for book in (listed, profiles):
        name = book.table.name
        parsed.tables[name] = judged(parsed.tables[name], dict(book.table.schema), context.seeds)
    return parsed
