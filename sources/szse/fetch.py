"""Reaching the Shenzhen Stock Exchange: two workbooks, one request each.

Belongs here: addresses and parameters. Does not belong here: reading the workbooks.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingest.declaration import FetchContext, Page
from ingest.web.fetcher import fetcher_of

REPORT = "https://www.szse.cn/api/report/ShowReport"
#: key of the page -> (catalogue, tab). The catalogue ids are those of the exchange's own list pages.
WORKBOOKS = {"listed.xlsx": ("1110", "tab1"), "name_changes.xlsx": ("SSGSGMXX", "tab1")}
REFERER = "https://www.szse.cn/market/product/stock/list/index.html"


def fetch(context: FetchContext, partition: str) -> Iterator[Page]:
    """The list of A shares and the full-name changes, each as the workbook that its page offers. The page
    adds a random number against caches; a constant keeps the address, and with it conditional requests."""
    web = fetcher_of(context)
    for key, (catalogue, tab) in WORKBOOKS.items():
        yield web.get(
            REPORT,
            params={"SHOWTYPE": "xlsx", "CATALOGID": catalogue, "TABKEY": tab, "random": "0.5"},
            headers={"Referer": REFERER},
            expect="xlsx",
            key=key,
            context=context,
        )
