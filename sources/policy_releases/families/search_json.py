"""The JSON search of a ministry's site: MIIT's search-front-server.

Belongs here: its question and its rows; pages run until one is empty. Does not belong here: pages of documents.

The question is the site's own: by `deploytime`, the newest first, within the days around a month. The window is wider
than the month, since the day that a row shows (`jsearch_date`) may differ from the one by which it is found. Nothing
shows that a server honours either, so both are looked at: where rows come from outside the window, they must be in order,
or the walk would end before the month is reached.
"""

from __future__ import annotations

import calendar
import datetime as dt
import json
import re
from collections.abc import Iterator
from typing import Any

from ingest.declaration import RejectFile
from ingest.records import at, items
from ingest.web.bodies import read_json
from sources.policy_releases.families import Ask, List, ListPage
from sources.policy_releases.families.rows import epoch_day, follow, iso, need
from sources.policy_releases.items import Item, clean
from sources.policy_releases.sites import Site

WINDOWED = True
SIZE = 15
AROUND = dt.timedelta(days=7)
BY = "deploytime"
FIELDS = "title,content,url,deploytime,cdate,createdate,jsearch_date"
#: Where the day of publication stands, the surest first: text, or milliseconds as a number or as its digits.
DATES = ("jsearch_date", BY, "cdate", "createdate")


def lists(ask: Ask, site: Site, root: List) -> list[List]:
    return [root]


def window(month: str | None) -> tuple[str, str]:
    """First and last day (ISO) that are asked for; empty for no window."""
    if not month:
        return "", ""
    first = dt.date.fromisoformat(f"{month}-01")
    last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
    return (first - AROUND).isoformat(), (last + AROUND).isoformat()


def question(root: List, month: str | None, page: int) -> dict[str, str]:
    """Parameters of one page."""
    begin, end = window(month)
    return {
        "websiteid": str(root["websiteid"]), "category": str(root["category"]), "scope": "basic", "q": "", "pg": str(SIZE),
        "p": str(page), "dateField": BY, "begin": begin, "end": end, "selectFields": FIELDS,
        "sortFields": json.dumps([{"name": BY, "type": "desc"}], separators=(",", ":")),
    }  # fmt: skip


def pages(ask: Ask, site: Site, start: List, month: str | None) -> Iterator[ListPage]:
    url = str(start["url"])
    count = 0
    days: list[str] = []  # by which the rows are ordered, as far as they show it
    for number in range(1, 100_000):
        rows, total = read(ask.get(url, question(start, month, number), "json", site.homepage).body, url)
        entries = [(row, entry(row, url)) for row in rows]
        kept = tuple(item for _, item in entries if item)
        if rows and not kept:
            raise RejectFile("schema_changed", f"{url}: rows without title and url")
        if kept or (number == 1 and not month):  # a window may hold nothing; the list of a ministry does not
            need(kept, url, "row of the search")
        days += filter(None, (ordered_by(row, item) for row, item in entries))
        if month:
            require_window_or_order(days, month, url)
        count += len(rows)
        yield ListPage(kept, more=None if total is None else count < total and bool(rows), total=total)
        if not rows:
            return


def ordered_by(row: dict[str, Any], item: Item | None) -> str:
    """The day by which a row has its place in the list; "" where it shows none."""
    return day_of(row.get(BY)) or (item.published if item else "")


def require_window_or_order(days: list[str], month: str, url: str) -> None:
    """A search that honours the order but not the days can be read to its end; one that honours neither cannot be
    relied on."""
    begin, end = window(month)
    if any(not begin <= day <= end for day in days) and days != sorted(days, reverse=True):
        raise RejectFile(
            "schema_changed", f"{url}: asked for {begin} to {end} by {BY}, it honours neither the days nor the order"
        )


def read(body: bytes, where: str) -> tuple[list[dict[str, Any]], int | None]:
    """The rows of an answer, plain or grouped, and how many there are in all. An answer of code 200 without a searchResult
    says that nothing was found. Raises RejectFile("schema_changed")."""
    said = read_json(body, where)
    found = at(said, "data", "searchResult")
    if found is None and isinstance(said, dict) and str(said.get("code")) == "200" and "data" in said and not said["data"]:
        return [], 0
    if not isinstance(found, dict) or "dataResults" not in found:
        raise RejectFile("schema_changed", f"{where}: no data.searchResult.dataResults")
    rows: list[dict[str, Any]] = []
    for each in items(found["dataResults"] or [], where):
        grouped = each.get("groupData")
        rows += [at(one, "data") for one in items(grouped, where)] if grouped else [at(each, "data")]
    if not all(isinstance(row, dict) for row in rows):
        raise RejectFile("schema_changed", f"{where}: a row without data")
    totals = [found[name] for name in ("totalHits", "total") if isinstance(found.get(name), int)]
    return rows, totals[0] if totals else None


def day_of(value: object) -> str:
    """ISO day of a text or of milliseconds; "" for none."""
    if isinstance(value, str) and value.strip().isdigit() and len(value.strip()) > 8:
        value = int(value)
    return epoch_day(value) if isinstance(value, int | float) else iso(value)


def entry(row: dict[str, Any], where: str) -> Item | None:
    url = follow(where, str(row.get("url") or ""))
    title = clean(re.sub(r"<[^>]*>", "", str(row.get("title") or "")))
    if not url or not title:
        return None
    summary = clean(re.sub(r"<[^>]*>", " ", str(row.get("content") or row.get("summary") or "")))[:2000]
    published = next((found for name in DATES if (found := day_of(row.get(name)))), "")
    return Item(url, title, where, published=published, summary=summary)
