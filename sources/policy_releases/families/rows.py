"""What families share in reading lists of links: rows to items, and the number of pages that a list names.

Belongs here: HTML of lists. Does not belong here: any family's addresses, or pages of documents (page.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urljoin

from selectolax.lexbor import LexborHTMLParser, LexborNode

from ingest.declaration import Page, RejectFile
from ingest.policies.text import normalise_doc_no, parse_date
from ingest.web.bodies import decode_text, refuse_depth, refuse_page
from sources.policy_releases.items import Item, clean

#: A date in a row: the last one counts, since an index number (2022-06-00018) may stand before it.
_DATE = re.compile(r"(?<!\d)((?:19|20)\d{2})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})(?!\d)")
_URL_DAY = re.compile(r"/t((?:19|20)\d{2})(\d{2})(\d{2})_|/((?:19|20)\d{2})/(\d{1,2})/(\d{1,2})/|/((?:19|20)\d{2})(\d{2})(\d{2})/")
_URL_MONTH = re.compile(r"/((?:19|20)\d{2})-?(0[1-9]|1[0-2])/")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.S)
_UNSEEN = re.compile(r"<(script|style|title)\b.*?(?:</\1\s*>|\Z)|<[^>]*>|\s+", re.S | re.I)
MAX_TEXT = 4_000_000  # characters; the longest page that was seen has a tenth of it
_PAGES = (
    re.compile(r"createPage(?:HTML)?\s*\(\s*['\"]?(\d+)"),
    re.compile(r"\bcountPage\s*=\s*['\"]?(\d+)"),
    re.compile(r"\btotalPages?['\"]?\s*[:=]\s*['\"]?(\d+)"),
)


def text_of(page: Page, whole: bool = True) -> str:
    """The text of a list page. Raises RejectFile for a challenge, an error page, a cut page or unreadable bytes."""
    text, _ = decode_text(page.body, page.url)
    refuse(text, page.url, whole)
    return text


def refuse(text: str, where: str, whole: bool = True) -> None:
    """Refuse what only looks like a page: `blocked_page`, `soft_404`, `truncated_html`, `too_deep`, `too_large`."""
    if len(text) > MAX_TEXT:
        raise RejectFile("too_large", f"{where}: {len(text)} characters")
    refuse_depth(text, where)
    head = re.search(r"<title[^>]*>(.*?)</title>", text, re.S | re.I)
    refuse_page(text, clean(head[1]) if head else "", _UNSEEN.sub("", text), where, whole=whole)


def day(text: str, first: bool = False) -> str:
    """The last day (the first, if asked for) that a text names, ISO; "" for none."""
    found = ""
    for match in _DATE.finditer(text):
        month, number = int(match[2]), int(match[3])
        if 1 <= month <= 12 and 1 <= number <= 31:
            found = f"{match[1]}-{month:02d}-{number:02d}"
            if first:
                break
    return found


def day_of_url(url: str) -> str:
    """The day, or at least the month, of publication that an address carries; "" for none."""
    if found := _URL_DAY.search(url):
        year, month, number = (g for g in found.groups() if g)
        if 1 <= int(month) <= 12 and 1 <= int(number) <= 31:
            return f"{year}-{int(month):02d}-{int(number):02d}"
    if found := _URL_MONTH.search(url):
        return f"{found[1]}-{found[2]}"
    return ""


def page_count(text: str) -> int | None:
    """How many pages a list says it has, or None where it does not say."""
    for pattern in _PAGES:
        if found := pattern.search(text):
            return int(found[1])
    return None


def follow(base: str, href: str) -> str:
    """The address of a link, or "" for what is none: scripts, anchors, user names, other schemes."""
    href = "".join(c for c in href if c > " ")
    if not href or href.startswith("#"):
        return ""
    try:
        url = urljoin(base, href)
    except ValueError:
        return ""
    if not url.lower().startswith(("http://", "https://")) or "@" in url.split("/")[2]:
        return ""
    return url


def rows(text: str, base: str, how: Mapping[str, Any]) -> Iterator[Item]:
    """The items of a list page by its selectors: `item` (one row), and inside it `title`, `date`, `number`, all optional.
    `date_is: issued` where the list's date is the day of issue; the day of publication is then in the address.
    `first_date: true` where a row tells more than one day ("on … promulgated, in force from …"): the first is the day of
    issue, and stands for the day of publication where an address carries none."""
    tree = LexborHTMLParser(_COMMENT.sub("", text))
    for node in tree.css(how.get("item", "li:has(a)")):
        if (item := row(node, base, how)) is not None:
            yield item


def row(node: LexborNode, base: str, how: Mapping[str, Any]) -> Item | None:
    """The item of one row; None where it has no link that can be followed, or no title."""
    link = node if node.tag == "a" else node.css_first("a[href]")
    if link is None:
        return None
    url = follow(base, link.attributes.get("href") or "")
    title = _title(node, link, how)
    if not url or not title:
        return None
    issued, published = _days(node, url, how)
    return Item(url=url, title=title, list_url=base, published=published, issued=issued, doc_no=_number(node, how))


def _title(node: LexborNode, link: LexborNode, how: Mapping[str, Any]) -> str:
    """The title of a row: of the cell that holds it, or of the link. An attribute is whole where the text may be
    cut."""
    titled = node.css_first(how["title"]) if how.get("title") else None
    if titled is not None and (shown := titled.attributes.get("title") or titled.text()):
        return clean(shown)
    return clean(link.attributes.get("title") or link.text())


def _days(node: LexborNode, url: str, how: Mapping[str, Any]) -> tuple[str, str]:
    """(issued, published) of a row, as `rows` tells them apart."""
    dated = [n.text() for n in node.css(how["date"])] if how.get("date") else []
    words = " ".join(node.text(separator=" ").split())
    carried = day_of_url(url)
    if how.get("first_date"):
        said = day(" ".join(dated), first=True) or day(words, first=True)
        return said, carried or said
    said = next((d for d in map(day, reversed(dated)) if d), "") or day(words)
    if how.get("date_is") == "issued":
        return said, carried
    return "", carried if how.get("date_in_url") else (said or carried)


def _number(node: LexborNode, how: Mapping[str, Any]) -> str:
    """A document number that stands in a cell of its own; numbers inside titles are read later, with the page."""
    for found in node.css(how.get("number") or "span, td, li"):
        text = re.sub(r"^[^:：]*[:：]", "", clean(found.text())).strip(" ()（）")
        if len(text) <= 40 and text.endswith("号") and normalise_doc_no(text):
            return text
    return ""


def epoch_day(seconds: object) -> str:
    """ISO day in China of an epoch in seconds or milliseconds; "" for none."""
    import datetime as dt

    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or seconds <= 0:
        return ""
    value = seconds / 1000 if seconds > 1e11 else seconds
    return dt.datetime.fromtimestamp(value, dt.timezone(dt.timedelta(hours=8))).date().isoformat()


def iso(text: object) -> str:
    """First date of a field as ISO text cut to its precision; "" for none."""
    return parse_date(str(text or ""))[0] or ""


def need(items: Iterable[Item], where: str, what: str) -> tuple[Item, ...]:
    """The items of a first page, which no list of a government lacks: none, or hardly any with a date, means that the
    page is built otherwise now. Raises RejectFile("schema_changed")."""
    found = tuple(items)
    if not found:
        raise RejectFile("schema_changed", f"{where}: no {what} found: the page is built otherwise, or is another page")
    if sum(1 for item in found if item.published) * 2 < len(found):
        raise RejectFile("schema_changed", f"{where}: {len(found)} rows, most without a date of publication")
    return found
