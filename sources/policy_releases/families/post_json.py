"""Lists that are JSON by POST: Suzhou's interfacesWebZcwj/loadData.

Belongs here: its question and fields. Its date of publication is that of a regeneration of the archive, so the month in
the address counts (`date_in_url`). Does not belong here: pages of documents.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ingest.declaration import RejectFile
from ingest.records import at, items
from ingest.web.bodies import read_json
from sources.policy_releases.families import Ask, List, ListPage
from sources.policy_releases.families.rows import day_of_url, follow, iso
from sources.policy_releases.items import Item, clean
from sources.policy_releases.sites import Site

WINDOWED = False
SIZE = 15


def lists(ask: Ask, site: Site, root: List) -> list[List]:
    return [root]


def pages(ask: Ask, site: Site, start: List, month: str | None) -> Iterator[ListPage]:
    url = f"{start['url']}?pageSize={SIZE}"
    for number in range(1, 100_000):
        form = {"pageIndex": str(number)}
        if start.get("channel_id"):
            form["channel_id"] = str(start["channel_id"])
        said = read_json(ask.post(url, form, "json", site.homepage).body, url)
        rows = at(said, "data", "list")
        if not isinstance(rows, list):
            raise RejectFile("schema_changed", f"{url}: no data.list")
        found = tuple(item for row in items(rows, url) if (item := entry(row, str(start["url"]), site)))
        if number == 1 and not found:
            raise RejectFile("schema_changed", f"{url}: no row with a title and an address")
        last, total = at(said, "data", "totalPage"), at(said, "data", "allRow")
        count = int(last) if isinstance(last, int) else None
        yield ListPage(
            found, more=None if count is None else number < count, total=total if isinstance(total, int) else None
        )
        if not found or (count is not None and number >= count):
            return


def entry(row: dict[str, Any], where: str, site: Site) -> Item | None:
    url = follow(where, str(row.get("URL") or ""))
    title = clean(str(row.get("TITLE") or ""))
    if not url or not title:
        return None
    listed = iso(row.get("PUBLISHED_TIME_FORMAT"))
    carried = day_of_url(url)
    if site.selectors.get("date_in_url") and carried:
        # the list's day is used where it agrees with the month in the address
        published = listed if listed[:7] == carried[:7] else carried
    else:
        published = listed or carried
    return Item(
        url, title, where, published=published, issued=iso(row.get("C_FWRQ_FORMAT")), doc_no=clean(str(row.get("C_WJBH") or ""))
    )
