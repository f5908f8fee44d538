"""Reaching the Beijing Stock Exchange: one list in pages of twenty.

Belongs here: address, form and paging. Does not belong here: what the fields mean.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingest.declaration import FetchContext, Page, RejectFile
from ingest.records import at
from ingest.web.fetcher import Fetcher, fetcher_of
from ingest.web.listings import rows_of, unwrapped, whole_list

START = "https://www.bse.cn/nq/listedcompany.html"
QUERY = "https://www.bse.cn/nqxxController/nqxxCnzq.do"


def fetch(context: FetchContext, partition: str) -> Iterator[Page]:
    """The list, whole. The service answers within a session that the exchange's own page begins: without its cookie
    it redirects there."""
    web = fetcher_of(context)
    web.get(START, expect="html")
    yield from whole_list(lambda number: _page(web, number), _size, "bse listed")


def _page(web: Fetcher, number: int) -> Page:
    form = {
        "page": str(number - 1), "typejb": "T", "xxfcbj[]": "2", "xxzqdm": "", "sortfield": "xxzqdm", "sorttype": "asc",
    }  # fmt: skip
    return web.post(QUERY, form, headers={"Referer": START}, expect="json", key=f"listed-p{number}")


def block(page: Page) -> dict[str, object]:
    """The one object of a reply `null([{...}])`. Raises RejectFile("schema_changed")."""
    found = unwrapped(page.body, page.key)
    if not isinstance(found, list) or not found or not isinstance(found[0], dict):
        raise RejectFile("schema_changed", f"{page.key}: not a list with one object")
    return found[0]


def _size(page: Page) -> tuple[int, int, int]:
    """Rows in the page, rows in all, pages in all. Raises RejectFile("schema_changed")."""
    body = block(page)
    total, pages, number = body.get("totalElements"), body.get("totalPages"), body.get("number")
    if not isinstance(total, int) or not isinstance(pages, int):
        raise RejectFile("schema_changed", f"{page.key}: no totalElements and totalPages")
    if number is not None and f"listed-p{int(str(number)) + 1}" != page.key:
        raise RejectFile("schema_changed", f"{page.key}: the reply is page {number} of a list that starts at 0")
    return len(rows_of(at(body, "content"), page.key)), total, pages
