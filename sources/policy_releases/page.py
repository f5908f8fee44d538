"""Reading the page of one document: its title, its fields, its text, its attachments.

Belongs here: what a page of any government site shows, by the site's selectors and the labels that all of them use; the
judgement whether it is the page at all. Does not belong here: lists, fetching, or what a text means (policy_text).
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from ingest.declaration import Page, RejectFile
from ingest.policies.text import normalise_doc_no, parse_date
from ingest.text.scrub import redact
from ingest.web.bodies import decode_text
from ingest.web.documents import CONTENT_SELECTORS, judge_pdf
from sources.policy_releases.families import gkmlpt
from sources.policy_releases.families.rows import day_of_url, follow, refuse
from sources.policy_releases.items import Item, clean, extension
from sources.policy_releases.sites import Site

MAX_ATTACHMENTS = 20
COVER = 1500  # a text shorter than this with an attachment is taken for its cover
_LABELS = {
    "number": ("发文字号", "文件编号", "文号", "发文号"),
    "issuer": ("发文机关", "发文机构", "发布机构", "制发机关", "发布单位"),
    "issued": ("成文日期", "发文日期", "生成日期", "印发日期", "制发日期"),
    "published": ("发布日期", "公开日期", "发布时间"),
    "validity": ("有效性", "时效性", "文件状态", "效力状态"),
}
_LABEL = re.compile("^(" + "|".join(w for words in _LABELS.values() for w in words) + r")[:：]?(.*)$")
_OF_LABEL = {word: name for name, words in _LABELS.items() for word in words}
_BREAK = re.compile(r"<br\s*/?>|</(?:p|div|tr|li|h[1-6]|section|table|ul|ol|dd|dt|blockquote)\s*>", re.I)
_CELL = re.compile(r"</t[dh]\s*>", re.I)
#: An unclosed one runs to the end, so that a hostile page costs one pass.
_DROP = re.compile(r"<!--.*?(?:-->|\Z)|<(script|style|noscript|template|svg)\b.*?(?:</\1\s*>|\Z)", re.S | re.I)
_INVALID = re.compile(r"^[\[【(（〔]\s*(?:已|全文)?(失效|废止)\s*[\]】)）〕]|[(（【\[]\s*(?:已|全文)?(失效|废止)\s*[)）】\]]\s*$")
_SIGNED = re.compile(r"^(?:(?:19|20)\d{2}年\d{1,2}月\d{1,2}日|[〇○零一二三四五六七八九]{4}年[一二三四五六七八九十]{1,3}月[一二三四五六七八九十]{1,3}日)$")


@dataclass
class Detail:
    """What the page of a document says of itself. Dates are ISO text cut to their precision; `text` has its paragraphs
    by line breaks, without personal data."""

    title: str
    text: str
    doc_no: str = ""
    issuer: str = ""
    issued: str = ""
    published: str = ""
    last_modified: str = ""
    is_expired: bool | None = None
    is_abolished: bool | None = None
    attachments: list[tuple[str, str]] = field(default_factory=list)

    @property
    def digest(self) -> str:
        """Of what matters: two pages with one digest differ by noise only (counters, menus, times of generation)."""
        said = [
            self.title, folded(self.text), self.doc_no, self.issuer, self.issued, self.is_expired, self.is_abolished,
            self.attachments,
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(said, ensure_ascii=False).encode()).hexdigest()


def folded(text: str) -> str:
    return re.sub(r"\s+", "", text)


def read_page(page: Page, item: Item, site: Site) -> Detail:
    """Read a document's page. Raises RejectFile with the reason: blocked_page, soft_404, truncated_html, too_deep,
    encoding, selector_no_match (no known container of the text)."""
    text, _ = decode_text(page.body, page.url)
    refuse(text, page.url)
    tree = LexborHTMLParser(text)
    meta = {
        (node.attributes.get("name") or "").lower(): clean(node.attributes.get("content"))
        for node in tree.css("meta[name]")
    }
    container = _container(tree, site)
    hidden = gkmlpt.hidden_body(text)
    markup = hidden if hidden and folded(plain(hidden)) else (container.html if container is not None else None)
    if markup is None:
        raise RejectFile("selector_no_match", f"{page.url}: no known container of the page's text")
    found = Detail(title=title_of(tree, meta, item), text=redact(plain(markup)))
    attachments(found, tree, markup, page.url, item)
    if container is not None:
        container.decompose()
    around = plain(tree.body.html if tree.body is not None and tree.body.html else "", "\n")
    _read_fields(found, around, meta, item, page)
    return found


def _container(tree: LexborHTMLParser, site: Site) -> LexborNode | None:
    """The node of the document's text: by the site's own selectors, else by the usual ones."""
    for selector in (*site.selectors.get("body", ()), *CONTENT_SELECTORS):
        node = tree.css_first(selector)
        if node is not None:
            return node
    return None


def _read_fields(found: Detail, around: str, meta: dict[str, str], item: Item, page: Page) -> None:
    """Number, issuer, dates and validity: the labels `around` the text speak first, then the list, then the text
    itself."""
    lines = found.text.split("\n")
    fields = labelled(around + "\n" + "\n".join(lines[:15]))
    number = fields.get("number") or item.doc_no or number_in(item.title) or number_in(found.title)
    found.doc_no = redact(number or number_line(lines))
    found.issuer = redact(fields.get("issuer") or item.issuer or meta.get("contentsource", ""))[:200]
    found.issued = iso(fields.get("issued")) or signed(lines) or agreed(item.issued, found.doc_no)
    said = iso(fields.get("published")) or iso(meta.get("firstpublishedtime"))
    found.published = _published(item, said) or day_of_url(page.url)
    found.last_modified = stamp(meta.get("lastmodifiedtime")) or page.headers.get("last-modified", "")
    validity_marks(found, fields.get("validity", ""), item)


def _published(item: Item, said: str) -> str:
    """The list's day, if it is whole; else the page's, if it lies in the list's month."""
    if len(item.published) == 10:
        return item.published
    return said if said[:7] == item.month else item.published


def plain(markup: str, cell: str = " ") -> str:
    """The text of a piece of markup: a line for each block, cells of a row apart by `cell`."""
    marked = _CELL.sub(cell, _BREAK.sub("\n", re.sub(r"\s+", " ", _DROP.sub("", markup))))
    body = LexborHTMLParser(f"<body>{marked}</body>").body
    text = body.text() if body is not None else ""
    text = "".join(c for c in text if c == "\n" or unicodedata.category(c) not in ("Cf", "Cc", "Co", "Cs"))
    lines = (" ".join(line.split()) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def title_of(tree: LexborHTMLParser, meta: dict[str, str], item: Item) -> str:
    """The page's own title: its meta tag, its one heading, the list's, the first part of <title>. Lists cut titles, and
    pages add the site's name. A mark of invalidity that only the list shows is kept in front."""
    headings = {clean(node.text()) for node in tree.css("h1")}
    head = tree.css_first("title")
    first = re.split(r"\s*[_|]|\s-\s", clean(head.text()) if head is not None else "")[0]
    mark = re.match(_INVALID, item.title)
    whole = item.title[mark.end() :] if mark else item.title
    listed = re.sub(r"\s*(?:…|\.\.\.)$", "", whole)
    candidates = [meta.get("articletitle", ""), headings.pop() if len(headings) == 1 else ""]
    if listed != whole or whole not in first:  # <title> often carries the site's name behind the title
        candidates.append(first)
    chosen = next((c for c in candidates if related(c, listed) and len(c) >= 0.8 * len(listed)), listed)
    if mark and not _INVALID.search(chosen):
        chosen = item.title[: mark.end()] + chosen
    return redact(chosen)[:500]


def related(candidate: str, listed: str) -> bool:
    """Whether two titles can be of one document: a page of the wrong template shows its column's name as a heading."""
    a, b = (set(re.findall(r"[\u4e00-\u9fffA-Za-z0-9]", t)) for t in (candidate, listed))
    return len(a & b) >= 0.5 * min(len(a), len(b) or 1) and len(a) >= 4


def labelled(text: str) -> dict[str, str]:
    """Fields that a page states by the labels all sites use, whatever holds them (table, list, definition): the value
    stands after the colon, or on the next line."""
    found: dict[str, str] = {}
    flat = [re.sub(r"\s+", "", unicodedata.normalize("NFKC", t)) for line in text.split("\n") for t in _SPLIT.split(line)]
    flat = [token for token in flat if token]
    for place, token in enumerate(flat):
        match = _LABEL.match(token)
        if not match or _OF_LABEL[match[1]] in found:
            continue
        value = match[2] or (flat[place + 1] if place + 1 < len(flat) and not _ANY_LABEL.match(flat[place + 1]) else "")
        if 0 < len(value) <= 60:
            found[_OF_LABEL[match[1]]] = value.strip(":：")
    return found


#: Labels that stand in one line with others: the line is cut before each.
_WORDS = "发文机关|发文机构|发布机构|成文日期|发文日期|生成日期|发文字号|文号|发布日期|有效性|时效性|主题分类|索引号|标题|名称|主题词"
_SPLIT = re.compile("(?<=[\\s　])(?=(?:" + "|".join(r"\s*".join(w) for w in _WORDS.split("|")) + r")\s*[:：])")
_ANY_LABEL = re.compile(f"^(?:{_WORDS})[:：]?$|^.{{2,8}}[:：]$")


def number_in(title: str) -> str:
    found = re.search(r"[（(]([^（()）]{2,20}[〔\[［【（(]\s*(?:19|20)\d{2}\s*[〕\]］】）)]\s*\d+\s*号)[）)]", title)
    return found[1] if found else ""


def number_line(lines: list[str]) -> str:
    """A number that stands on a line of its own near the top of the text."""
    for line in lines[:8]:
        if len(line) <= 40 and re.search(r"\d+\s*号\s*[)）]?$", line) and normalise_doc_no(line):
            return line
    return ""


def signed(lines: list[str]) -> str:
    """The day under the issuer's name: a line that is nothing but a day."""
    return next((iso(line) for line in map(folded, lines) if _SIGNED.match(line)), "")


def agreed(issued: str, doc_no: str) -> str:
    """A list's day of issue, unless the year of the number contradicts it: lists give the day of a repost, too."""
    year = re.search(r"〔(\d{4})〕", normalise_doc_no(doc_no) or "")
    if issued and year and abs(int(year[1]) - int(issued[:4])) > 0:
        return ""
    return issued


def pdf_text(body: bytes) -> str:
    """The text of a PDF, read in a child process with limits. Raises RejectFile."""
    with TemporaryDirectory(prefix="evatlas_pdf_") as folder:
        path = Path(folder) / "attachment"
        path.write_bytes(body)
        return judge_pdf(path).text


def iso(text: str | None) -> str:
    return parse_date(text)[0] or ""


def stamp(text: str | None) -> str:
    """`2020-11-02-17:00:00` or any day in a text, as ISO."""
    found = re.search(r"((?:19|20)\d{2}-\d{2}-\d{2})[-T ]+(\d{2}:\d{2}(?::\d{2})?)", text or "")
    return f"{found[1]}T{found[2]}" if found else iso(text)


def validity_marks(found: Detail, label: str, item: Item) -> None:
    """Flags of the list, a label on the page, a mark in a title; None where nothing speaks of validity."""
    marks = {
        next(g for g in m.groups() if g) for t in (found.title, item.title) if (m := _INVALID.search(t))
    }
    expired: list[bool] = [] if item.is_expired is None else [item.is_expired]
    abolished: list[bool] = [] if item.is_abolished is None else [item.is_abolished]
    if label:
        expired.append("失效" in label)
        abolished.append("废止" in label)
    found.is_expired = True if "失效" in marks else (any(expired) if expired else None)
    found.is_abolished = True if "废止" in marks else (any(abolished) if abolished else None)


def attachments(found: Detail, tree: LexborHTMLParser, markup: str, url: str, item: Item) -> None:
    """Files that the document links to: those in its text, and elsewhere on the page those that say 附件 or lie in its own
    folder. Names are hostile text: they are shown, never used as paths."""
    seen: dict[str, str] = {}
    for name, link in item.attachments:
        if extension(link):
            seen.setdefault(link, name)
    folder = url.rsplit("/", 1)[0] + "/"
    for node in LexborHTMLParser(f"<body>{markup}</body>").css("a[href]"):
        link = follow(url, node.attributes.get("href") or "")
        if extension(link):
            seen.setdefault(link, clean(node.text() or node.attributes.get("title")))
    for node in tree.css("a[href]"):
        link = follow(url, node.attributes.get("href") or "")
        name = clean(node.text() or node.attributes.get("title"))
        if extension(link) and ("附件" in name or link.startswith(folder)):
            seen.setdefault(link, name)
    named = [(redact(name)[:200] or urlsplit(link).path.rsplit("/", 1)[-1][:200], link) for link, name in seen.items()]
    found.attachments = named[:MAX_ATTACHMENTS]
