"""gkmlpt, the open-government platform of Guangdong: the only family with flags of validity.

Belongs here: the tree of categories in `window._CONFIG`, the list API, and the body that a page carries as JSON.
Does not belong here: what else a page says (page.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from ingest.declaration import RejectFile
from ingest.records import at, items
from ingest.web.bodies import read_json
from sources.policy_releases.families import Ask, List, ListPage
from sources.policy_releases.families.rows import epoch_day, follow, text_of
from sources.policy_releases.items import Item, clean
from sources.policy_releases.sites import Site

WINDOWED = False
#: Leaves of the tree that are read unless the root names others: documents, not budgets, posts or persons.
CATEGORIES = r"文件|规范|规章|政策|法规|通知|公告|通告|规划|计划|措施|办法|其他"
_STRING = re.compile(r'"content"\s*:\s*("(?:[^"\\]|\\.)*")', re.S)


def lists(ask: Ask, site: Site, root: List) -> list[List]:
    """One list for each leaf of the tree whose name is of documents. Raises RejectFile where the index has no tree."""
    base = str(root["url"]).rstrip("/")
    text = text_of(ask.get(f"{base}/gkmlpt/index", referer=site.homepage))
    sid = re.search(r"\bSID\s*['\"]?\s*:\s*['\"]?(\d+)", text)
    tree = re.search(r"\bTREE\s*['\"]?\s*:\s*(?=\[)", text)
    if not sid or not tree:
        raise RejectFile("schema_changed", f"{base}/gkmlpt/index: no SID or TREE in window._CONFIG")
    try:
        nodes, _ = json.JSONDecoder().raw_decode(text, tree.end())
    except ValueError as error:
        raise RejectFile("schema_changed", f"{base}/gkmlpt/index: TREE is no JSON ({error})") from None
    wanted = re.compile(str(root.get("categories", CATEGORIES)))
    found: list[List] = [
        {**root, "url": base, "category": str(node["id"]), "sid": sid[1]}
        for node in leaves(nodes)
        if wanted.search(str(node.get("name", ""))) and node.get("post_count", 1)
    ]
    if not found:
        raise RejectFile("schema_changed", f"{base}/gkmlpt/index: no leaf of the tree is of documents")
    return found


def leaves(nodes: object, depth: int = 0) -> Iterator[dict[str, Any]]:
    """The nodes without children of their own; a node that jumps elsewhere is left out."""
    if depth > 12:
        raise RejectFile("too_deep", "the tree of categories nests deeper than 12")
    for node in items(nodes, "TREE"):
        if node.get("jump_url"):
            continue
        below = list(leaves(node["children"], depth + 1)) if node.get("children") else []
        if below:
            yield from below
        elif "id" in node:
            yield node


def pages(ask: Ask, site: Site, start: List, month: str | None) -> Iterator[ListPage]:
    url = f"{start['url']}/gkmlpt/api/all/{start['category']}"
    count = 0
    for number in range(1, 100_000):
        page = ask.get(url, {"page": str(number), "sid": str(start["sid"])}, "json", f"{start['url']}/gkmlpt/index")
        said = read_json(page.body, page.url)
        if not isinstance(said, dict) or "articles" not in said:
            raise RejectFile("schema_changed", f"{page.url}: no articles")
        found = tuple(item for row in items(said["articles"], page.url) if (item := entry(row, url)))
        total = said.get("total") or at(said, "classify", "post_count")
        count += len(found)
        total = int(total) if isinstance(total, int | float) else None
        yield ListPage(found, more=None if total is None else count < total and bool(found), total=total)
        if not found or (total is not None and count >= total):
            return


def entry(row: dict[str, Any], where: str) -> Item | None:
    url = follow(where, str(row.get("url") or row.get("post_url") or ""))
    title = clean(str(row.get("title") or ""))
    if not url or not title:
        return None
    attached = []
    for each in row.get("attachment") or ():
        if isinstance(each, dict) and (link := follow(url, str(each.get("url") or ""))):
            attached.append((clean(str(each.get("name") or ""))[:200], link))
    return Item(
        url=url,
        title=title,
        list_url=where,
        published=epoch_day(row.get("display_publish_time")) or epoch_day(row.get("first_publish_time")),
        issued=epoch_day(row.get("date")),
        doc_no=clean(str(row.get("document_number") or "")),
        issuer=clean(str(row.get("publisher") or "")),
        summary=clean(str(row.get("abstract") or ""))[:2000],
        is_expired=flag(row.get("is_expired")),
        is_abolished=flag(row.get("is_abolished")),
        attachments=tuple(attached),
    )


def flag(value: object) -> bool | None:
    return bool(int(value)) if isinstance(value, int | bool) or str(value) in ("0", "1") else None  # type: ignore[call-overload]


def hidden_body(text: str) -> str | None:
    """The HTML of the body where the page carries it as a JSON string (`_CONFIG.DETAIL.content`); None where not."""
    start = text.find("DETAIL")
    match = _STRING.search(text, start) if start >= 0 and "_CONFIG" in text else None
    if match is None:
        return None
    try:
        found = json.loads(match[1], strict=False)
    except ValueError:
        raise RejectFile("truncated_json", "the page's DETAIL.content is cut") from None
    return str(found)
