"""Lists of links whose address carries the day: `tYYYYMMDD_ID.html`, `/art/YYYY/M/D/`, `/YYYYMMDD/`.

Hunan, Jilin, Shandong, Jinan and others. Belongs here: finding such links on any page. Does not belong here: lists
with rows of a declared form (static_list).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from sources.policy_releases.families import Ask, List, ListPage
from sources.policy_releases.families.rows import _COMMENT, day_of_url, follow
from sources.policy_releases.families.static_list import numbered
from sources.policy_releases.items import Item, clean
from sources.policy_releases.sites import Site

WINDOWED = False
_LINK = re.compile(r"/t(?:19|20)\d{6}_\w+\.s?html?$|/art/(?:19|20)\d{2}/\d{1,2}/\d{1,2}/art_\w+\.html?$|/(?:19|20)\d{6}/\w+\.s?html?$")


def lists(ask: Ask, site: Site, root: List) -> list[List]:
    return [root]


def pages(ask: Ask, site: Site, start: List, month: str | None) -> Iterator[ListPage]:
    how: dict[str, Any] = {**site.selectors, **start}
    yield from numbered(ask, site, how, str(start["url"]), dated_links, "link with a day in its address")


def dated_links(text: str, base: str) -> Iterator[Item]:
    """Every link of a page whose address carries a day; the title is its attribute, or its longest text."""
    found: dict[str, Item] = {}
    for link in LexborHTMLParser(_COMMENT.sub("", text)).css("a[href]"):
        url = follow(base, link.attributes.get("href") or "")
        title = clean(link.attributes.get("title") or link.text())
        if not _LINK.search(url) or len(title) < 4:
            continue
        if url not in found or len(found[url].title) < len(title):
            found[url] = Item(url, title, base, published=day_of_url(url))
    yield from found.values()
