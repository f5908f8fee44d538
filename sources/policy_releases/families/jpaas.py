"""jpaas build/unit: JSON that carries the HTML of one page of a column.

Belongs here: its question and its rows. From abroad it answers every page number with page one; the walk notices that
nothing new comes. Does not belong here: pages of documents.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ingest.declaration import RejectFile
from ingest.records import at
from ingest.web.bodies import read_json
from sources.policy_releases.families import Ask, List, ListPage
from sources.policy_releases.families.rows import need, rows
from sources.policy_releases.sites import Site

WINDOWED = False
SIZE = 15


def lists(ask: Ask, site: Site, root: List) -> list[List]:
    return [root]


def pages(ask: Ask, site: Site, start: List, month: str | None) -> Iterator[ListPage]:
    url = str(start["url"])
    seen = 0
    for number in range(1, 100_000):
        asked = {
            "parseType": "bulidstatic", "webId": str(start["webId"]), "tplSetId": str(start["tplSetId"]), "pageType": "column",
            "tagId": str(start["tagId"]), "pageId": str(start["pageId"]), "rows": str(SIZE), "pageNo": str(number),
        }  # fmt: skip
        page = ask.get(url, asked, "json", site.homepage)
        text = at(read_json(page.body, page.url), "data", "html")
        if not isinstance(text, str):
            raise RejectFile("schema_changed", f"{page.url}: no data.html")
        how = {"item": "li:has(a), tr:has(a), p:has(> a)", **site.selectors, **start}
        found = tuple(rows(text, url, how))
        if number == 1:
            need(found, page.url, "row of the unit")
        stated = re.search(r"\bcount\s*=\s*[\"'](\d+)", text)
        total = int(stated[1]) if stated else None
        seen += len(found)
        yield ListPage(found, more=None if total is None else seen < total and bool(found), total=total)
        if not found or (total is not None and seen >= total):
            return
