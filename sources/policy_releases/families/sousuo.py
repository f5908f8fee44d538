"""The State Council library's JSON search: the one national backbone.

Belongs here: its question (a window of days), its two shapes (one list, or a map of lists by kind), its empty answer
(code 1001 with status 200), and whether its pages count from 0 or 1. Does not belong here: pages of documents.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator

from ingest.declaration import RejectFile
from ingest.records import at, items
from ingest.web.bodies import read_json
from sources.policy_releases.families import Ask, List, ListPage
from sources.policy_releases.families.rows import epoch_day, follow, iso
from sources.policy_releases.items import Item, clean
from sources.policy_releases.sites import Site

WINDOWED = True
SIZE = 50
EMPTY = 1001
#: Lists of the map that hold no documents of their own: interpretations and news.
_LEFT_OUT = ("otherfile",)


def lists(ask: Ask, site: Site, root: List) -> list[List]:
    return [root]


def question(root: List, month: str | None, page: int) -> dict[str, str]:
    """Parameters of one page; the empty ones are sent by the site's own page too."""
    asked = {
        "t": str(root.get("t", "zhengcelibrary")), "q": "", "timetype": "timeqb", "mintime": "", "maxtime": "",
        "sort": "pubtime", "sortType": "1", "searchfield": "title", "pcodeJiguan": "", "childtype": "", "subchildtype": "",
        "tsbq": "", "pubtimeyear": "", "puborg": "", "pcodeYear": "", "pcodeNum": "", "filetype": "", "p": str(page),
        "n": str(SIZE), "inpro": "", "bmfl": "", "dup": "", "orpro": "",
    }  # fmt: skip
    if month:
        year, number = int(month[:4]), int(month[5:7])
        last = calendar.monthrange(year, number)[1]
        asked |= {"timetype": "timezd", "mintime": f"{month}-01", "maxtime": f"{month}-{last:02d}"}
    return asked


def pages(ask: Ask, site: Site, start: List, month: str | None) -> Iterator[ListPage]:
    """Pages from 1; where they come out short of the stated total, page 0 is asked for too, since older hosts count from
    there (newer ones answer it with the first page again, which brings nothing new)."""
    url = str(start["url"])
    seen: set[str] = set()
    total: int | None = None
    for number in range(1, 100_000):
        found, stated = read(ask.get(url, question(start, month, number), "json", site.homepage).body, url)
        total = max(total or 0, stated)
        fresh = [item for item in found if item.url not in seen]
        seen.update(item.url for item in fresh)
        if fresh and len(seen) < total:
            yield ListPage(tuple(found), more=True, total=total)
            continue
        if fresh:
            yield ListPage(tuple(found), more=False, total=total)
            return
        break
    # nothing new on this page, and the total is not reached (or nothing at all was found): is there a page 0?
    found, stated = read(ask.get(url, question(start, month, 0), "json", site.homepage).body, url)
    total = max(total or 0, stated)
    seen.update(item.url for item in found)
    yield ListPage(tuple(found), more=len(seen) < total, total=total)


def read(body: bytes, where: str) -> tuple[list[Item], int]:
    """The items and the stated total of one answer, whichever its shape. Raises RejectFile("schema_changed")."""
    said = read_json(body, where)
    if at(said, "code") == EMPTY:
        return [], 0
    found = at(said, "searchVO")
    if not isinstance(found, dict):
        raise RejectFile("schema_changed", f"{where}: an answer without searchVO (code {at(said, 'code')})")
    if isinstance(found.get("listVO"), list):
        return [item for row in items(found["listVO"], where) if (item := entry(row, where))], whole(found.get("totalCount"))
    groups = found.get("catMap")
    if not isinstance(groups, dict):
        raise RejectFile("schema_changed", f"{where}: neither listVO nor catMap")
    rows: list[Item] = []
    total = 0
    for name, group in sorted(groups.items()):
        if name in _LEFT_OUT or not isinstance(group, dict):
            continue
        rows += [item for row in items(group.get("listVO") or [], where) if (item := entry(row, where))]
        total += whole(group.get("totalCount"))
    return rows, total


def whole(value: object) -> int:
    return int(value) if isinstance(value, int | float) else 0


def entry(row: dict[str, object], where: str) -> Item | None:
    """One row. Titles and summaries carry <em> and <br/>; pubtimeStr is the day of publication, never of issue."""
    url = follow(where, str(row.get("url") or ""))
    title = clean(re.sub(r"<[^>]*>", "", str(row.get("title") or "")))
    if not url or not title:
        return None
    return Item(
        url=url,
        title=title,
        list_url=where,
        published=iso(row.get("pubtimeStr")) or epoch_day(row.get("pubtime")),
        doc_no=clean(str(row.get("pcode") or row.get("wenhao") or "")),
        issuer=clean(str(row.get("puborg") or "")),
        summary=clean(re.sub(r"<[^>]*>", " ", str(row.get("summary") or "")))[:2000],
    )
