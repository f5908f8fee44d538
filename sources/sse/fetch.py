"""Reaching the Shanghai Stock Exchange: four lists, and one profile for each company of the vehicle sector.

Belongs here: addresses, parameters, paging, which profiles are worth a request, and what stands for one that cannot be
had. Does not belong here: what the fields mean. The query service answers only requests that come from the exchange's own
pages (Referer).

Lists and profiles are two servlets of one name: every public reader asks /sseQuery/commonQuery.do for lists and
/commonQuery.do for profiles. A profile that fails costs neither the lists nor the other profiles: the last good one
stands for it, and the page `asked` says what became of each.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from urllib.parse import urlencode

from ingest.declaration import FetchContext, Health, Page, RejectFile, SourceError
from ingest.home import SEEDS
from ingest.records import at
from ingest.store.raw import MissingBlob
from ingest.text.scrub import redact
from ingest.web.errors import FetchError
from ingest.web.fetcher import Fetcher, fetcher_of, now
from ingest.web.listings import VEHICLE_INDUSTRY, in_sector, rows_of, unwrapped, whole_list

QUERY = "https://query.sse.com.cn/sseQuery/commonQuery.do"
PROFILE_QUERY = "https://query.sse.com.cn/commonQuery.do"
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
ASKED = "asked"  # the page that says which profiles were asked for
#: Failures that speak of the whole host: asking for the next profile would meet them again.
OF_HOST = frozenset({"circuit_open", "robots", "robots_unreachable", "robots_too_large", "dns", "tls"})
PAGE_SIZE = 10_000  # what the exchange's own page asks for; the service may give less, and says so


def fetch(context: FetchContext, partition: str) -> Iterator[Page]:
    """The lists, whole, then the profiles. The page's own requests carry a callback and the time of day; without the
    first the answer is plain JSON, without the second the address is the same every day."""
    web = fetcher_of(context)
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
    yield from profiles(web, context, sorted(wanted))


def profiles(web: Fetcher, context: FetchContext, wanted: list[str]) -> Iterator[Page]:
    """A page for each profile that can be had, now or as it was last read, then the page `asked`: code -> what became of
    it ("" for read now). After a failure that speaks of the whole host no further profile is asked for."""
    became: dict[str, str] = {}
    stop = ""
    for code in wanted:
        params = {"isPagination": "false", "sqlId": PROFILE_SQL, "productid": code}
        page, why = None, stop
        if not stop:
            try:
                page = web.get(PROFILE_QUERY, params=params, headers=REFERER, expect="json", key=f"profile-{code}", context=context)
                why = missing(page, code)
            except RejectFile as error:
                why = f"{error.reason}: {error.detail}"
            except SourceError as error:
                why = str(error)
                if isinstance(error, FetchError) and (error.health in (Health.challenged, Health.rate_limited) or error.reason in OF_HOST):
                    stop = f"not asked after {error.reason} at {code}"
        if why:
            page = last_good(context, f"{PROFILE_QUERY}?{urlencode(params)}", code)
            why = redact(why)[:200] + ("; the last good one stands" if page else "")
        became[code] = why
        if page is not None:
            yield page
    body = json.dumps(became, ensure_ascii=False, sort_keys=True, indent=0).encode()
    yield Page(url="derived:profiles asked for", body=body, fetched_at=now(), key=ASKED)


def missing(page: Page, code: str) -> str:
    """Why a reply holds no profile of that company; "" where it does. Raises RejectFile for what is no JSON."""
    result = at(unwrapped(page.body, page.key), "result")
    if not isinstance(result, list):
        return "no_result: the reply has no list of records"
    if not result:
        return "empty: the reply has no record"
    own = str(at(result[0], "COMPANY_CODE") or "").strip()
    if own != code:
        return f"wrong_company: the reply is about {own or 'nobody'}"
    return "" if at(result[0], "FULLNAME") else "no_name: the record has no FULLNAME"


def last_good(context: FetchContext, url: str, code: str) -> Page | None:
    """The last kept page of that address that holds the profile; None where there is none."""
    known = context.previous(url) or {}
    if not known.get("sha256"):
        return None
    headers = {k: v for k, v in known.items() if k not in ("sha256", "original_sha256")}
    try:
        body = context.store.get(known["sha256"])
        page = Page(url, body, now(), 200, headers, f"profile-{code}", known.get("original_sha256", ""))
        return None if missing(page, code) else page
    except (MissingBlob, RejectFile):
        return None


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
