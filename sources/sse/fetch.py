"""Reaching the Shanghai Stock Exchange: four lists, and one profile for each company of the vehicle sector.

Belongs here: addresses, parameters, paging, and which profiles are worth a request. Does not belong here: what the
fields mean. The query service answers only requests that come from the exchange's own pages (Referer).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from sources.base import FetchContext, Page, RejectFile
from sources.home import SEEDS
from sources.http import Fetcher, asked
from sources.listings import VEHICLE_INDUSTRY, in_sector, rows_of, unwrapped, whole_list
from sources.records import at

QUERY = "https://query.sse.com.cn/sseQuery/commonQuery.do"
REFERER = {"Referer": "https://www.sse.com.cn/"}
LIST_SQL = "COMMON_SSE_CP_GPJCTPZ_GPLB_GP_L"
PROFILE_SQL = "COMMON_SSE_ZQPZ_GP_GPLB_C"
#: key of the page -> (kinds of share, states of the company). 1 main board A, 2 main board B, 8 STAR; 3 is delisted.
LISTS = {
    "listed-1": ("1", "2,4,5,7,8"),
    "listed-2": ("2", "2,4,5,7,8"),
    "listed-8": ("8", "2,4,5,7,8"),
    "delisted": ("1,2,8", "3"),
}
PAGE_SIZE = 10_000  # what the exchange's own page asks for; the service may give less, and says so


def fetch(context: FetchContext, partition: str) -> Iterator[Page]:
    """The lists, whole, then the profiles. The page's own requests carry a callback and the time of day; without the
    first the answer is plain JSON, without the second the address is the same every day."""
    web = asked(context)
    names: dict[str, str] = {}
    coded: set[str] = set()
    for key, (kinds, states) in LISTS.items():
        for page in whole_list(partial(_list, web, context, key, kinds, states), _size, f"sse {key}"):
            for row in rows_of(at(unwrapped(page.body, page.key), "result"), page.key):
                code, name = str(row.get("COMPANY_CODE") or ""), str(row.get("FULL_NAME") or row.get("COMPANY_ABBR") or "")
                if key != "delisted" and code.isdigit():
                    names[code] = name
                    if re.search(VEHICLE_INDUSTRY, f"{row.get('CSRC_CODE') or ''} {row.get('CSRC_CODE_DESC') or ''}"):
                        coded.add(code)
            yield page
    said = in_sector(list(names.values()), SEEDS)
    wanted = coded | {code for code, yes in zip(names, said, strict=True) if yes}
    context.say(f"sse: {len(names)} companies, {len(wanted)} of the sector by name or industry: a profile each")
    for code in sorted(wanted):
        yield web.get(
            QUERY,
            params={"isPagination": "false", "sqlId": PROFILE_SQL, "productid": code},
            headers=REFERER, expect="json", key=f"profile-{code}", context=context,
        )  # fmt: skip


def _list(web: Fetcher, context: FetchContext, key: str, kinds: str, states: str, number: int) -> Page:
    return web.get(
        QUERY,
        params={
            "sqlId": LIST_SQL, "STOCK_TYPE": kinds, "COMPANY_STATUS": states, "REG_PROVINCE": "", "CSRC_CODE": "",
            "STOCK_CODE": "", "type": "inParams", "isPagination": "true", "pageHelp.cacheSize": "1",
            "pageHelp.beginPage": str(number), "pageHelp.pageSize": str(PAGE_SIZE), "pageHelp.pageNo": str(number),
            "pageHelp.endPage": str(number),
        },
        headers=REFERER, expect="json", key=f"{key}-p{number}", context=context,
    )  # fmt: skip


def _size(page: Page) -> tuple[int, int, int]:
    """Rows in the page, rows in all, pages in all. Raises RejectFile("schema_changed")."""
    body = unwrapped(page.body, page.key)
    total, pages = at(body, "pageHelp", "total"), at(body, "pageHelp", "pageCount")
    if not isinstance(total, int) or not isinstance(pages, int):
        raise RejectFile("schema_changed", f"{page.key}: no pageHelp.total and pageHelp.pageCount")
    return len(rows_of(at(body, "result"), page.key)), total, pages
