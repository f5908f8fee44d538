"""The JSON search of a ministry's site: MIIT's search-front-server.

Belongs here: its question and its rows; pages run until one is empty. Does not belong here: pages of documents.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sources.base import RejectFile
from sources.policy_releases.families import Ask, List, ListPage
from sources.policy_releases.families.rows import follow, iso
from sources.policy_releases.items import Item, clean
from sources.policy_releases.sites import Site
from sources.records import at, items
from sources.webtext import read_json

WINDOWED = False
SIZE = 15


def lists(ask: Ask, site: Site, root: List) -> list[List]:
    return [root]


def pages(ask: Ask, site: Site, start: List, month: str | None) -> Iterator[ListPage]:
    url = str(start["url"])
    count = 0
    for number in range(1, 100_000):
        asked = {
            "websiteid": str(start["websiteid"]), "category": str(start["category"]), "q": "", "pg": str(SIZE), "p": str(number),
        }  # fmt: skip
        said = read_json(ask.get(url, asked, "json", site.homepage).body, url)
        found = at(said, "data", "searchResult")
        if not isinstance(found, dict) or "dataResults" not in found:
            raise RejectFile("schema_changed", f"{url}: no data.searchResult.dataResults")
        rows = items(found["dataResults"] or [], url)
        kept = tuple(item for row in rows if (item := entry(at(row, "data"), url)))
        if rows and not kept:
            raise RejectFile("schema_changed", f"{url}: rows without title and url")
        count += len(rows)
        total = found.get("total")
        total = int(total) if isinstance(total, int) else None
        yield ListPage(kept, more=None if total is None else count < total and bool(rows), total=total)
        if not rows:
            return


def entry(row: object, where: str) -> Item | None:
    if not isinstance(row, dict):
        return None
    url = follow(where, str(row.get("url") or ""))
    title = clean(re.sub(r"<[^>]*>", "", str(row.get("title") or "")))
    if not url or not title:
        return None
    summary = clean(re.sub(r"<[^>]*>", " ", str(row.get("content") or row.get("summary") or "")))[:2000]
    return Item(url, title, where, published=iso(row.get("jsearch_date")), summary=summary)
