"""Static list pages that name their number by createPage, createPageHTML, countPage or totalPage.

NDRC, MOF, Beijing, Shanghai, Chongqing, Wuhan: what differs is in the site's selectors. Page n is `index_n`;
the second page is `index_1` (TRS) or `index_2` (`second_page: 2`, Shanghai). Does not belong here: t-date lists.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from ingest.declaration import RejectFile
from ingest.web.errors import FetchError
from sources.policy_releases.families import Ask, List, ListPage
from sources.policy_releases.families.rows import day, follow, need, page_count, rows, text_of
from sources.policy_releases.items import Item, clean
from sources.policy_releases.sites import Site

WINDOWED = False
_ROW = re.compile(
    r"url\s*=\s*\"([^\"]+)\"|FILENUM\s*=\s*\"([^\"]*)\"|\btitle\s*=\s*\"([^\"]+)\"|"
    r"writeln\(\"\s*(\d{4}-\d{1,2}-\d{1,2})[^\"]*\"\)"
)


def lists(ask: Ask, site: Site, root: List) -> list[List]:
    """The root itself, or the archives by year that it links to."""
    if not site.selectors.get("archives"):
        return [root]
    page = ask.get(str(root["url"]), referer=site.homepage)
    tree = LexborHTMLParser(text_of(page))
    found: list[List] = [root]
    for link in tree.css("a[href]"):
        year = re.search(r"((?:19|20)\d{2})\s*年", clean(link.text()))
        url = follow(str(root["url"]), link.attributes.get("href") or "")
        if year and re.search(r"/index\.s?html?$", url):
            found.append({**root, "url": url, "year": int(year[1])})
    return found


def pages(ask: Ask, site: Site, start: List, month: str | None) -> Iterator[ListPage]:
    how: dict[str, Any] = {**site.selectors, **start}
    url = str(start["url"])
    reader = script_rows if how.get("script_rows") else rows
    yield from numbered(ask, site, how, url, lambda text, base: reader(text, base, how), "row of the list")


def numbered(ask: Ask, site: Site, how: dict[str, Any], url: str, read: Any, what: str) -> Iterator[ListPage]:
    """The pages of a list that number themselves. A further page that is gone or a stub ends the walk with `more` true:
    the list breaks off there."""
    text = text_of(ask.get(url, referer=site.homepage))
    first = need(read(text, url), url, what)
    if how.get("one_page"):
        yield ListPage(first, more=bool(how.get("newest_only")))
        return
    count = page_count(text)
    unsaid = count is None
    yield ListPage(first, more=None if unsaid else count > 1)  # type: ignore[operator]
    second = int(how.get("second_page", 1))
    stem, _, ending = url.rpartition(".") if re.search(r"/index\.\w+$", url) else (url.rstrip("/") + "/index", "", "html")
    for number in range(2, (count or 100_000) + 1):
        next_url = f"{stem}_{number - 2 + second}.{ending}"
        try:
            page = ask.get(next_url, referer=url)
        except FetchError as error:
            if error.reason != "gone":
                raise
            yield ListPage((), more=None if unsaid else True)
            return
        try:
            items = tuple(read(text_of(page), next_url))
        except RejectFile as error:
            if error.reason != "soft_404":
                raise
            items = ()
        yield ListPage(items, more=None if unsaid else number < count)  # type: ignore[operator]


def script_rows(text: str, base: str, how: dict[str, Any]) -> Iterator[Item]:
    """Rows that the page writes by script: url, title and FILENUM are assigned, a date is written. A row ends with its
    date, so that a missing number never shifts the rows after it."""
    row = {"url": "", "number": "", "title": ""}
    for match in _ROW.finditer(text):
        if match[1] is not None:
            row = {"url": match[1], "number": "", "title": ""}
        elif match[2] is not None:
            row["number"] = "" if match[2] == "无" else match[2]
        elif match[3] is not None:
            row["title"] = match[3]  # the last assignment before the date wins, as in the page's own script
        elif row["url"] and row["title"] and (url := follow(base, row["url"])):
            yield Item(url, clean(row["title"]), base, published=day(match[4]), doc_no=clean(row["number"]))
            row = {"url": "", "number": "", "title": ""}
