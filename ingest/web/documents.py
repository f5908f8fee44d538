"""Judging documents that nobody vouches for: web pages, XML, PDFs.

Belongs here: whether a document is whole, safe to read, and what it claims to be (title, date, links), by rules
that hold for any site. Does not belong here: the selectors of one site (its source has them), nor tables
(ingest.files.tables). Nothing is fetched, run or extracted: links are only judged.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import subprocess
import sys
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ingest.declaration import BlockFile, RejectFile
from ingest.text.values import FutureDate, parse_date
from ingest.web.bodies import MAX_NESTING, charsets_of, decoded, refuse_depth, refuse_page

MIB = 1 << 20
MAX_PAGE = 20 * MIB
MAX_PDF_STREAMS = 64 * MIB  # decoded bytes of all streams of one PDF
PDF_SECONDS = 6
PDF_MEMORY = 512 * MIB


@dataclass
class Document:
    """What a document shows of itself. `problems` are reasons to hold it in quarantine."""

    media: str
    encoding: str = ""
    title: str = ""
    date: str = ""
    links: list[str] = field(default_factory=list)
    refused_links: list[tuple[str, str]] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    text: str = ""


# -- web pages -------------------------------------------------------------------------------------------
def decode_page(body: bytes) -> tuple[str, str]:
    """(text, encoding) of a page; of a damaged one too, so that it can be shown. Raises RejectFile `invalid_encoding`."""
    found = decoded(body)
    if found is None:
        raise RejectFile("invalid_encoding", f"the page is none of {', '.join(charsets_of(body))}")
    return found


CONTENT_SELECTORS = (
    ".content", "#content", ".article-content", ".article_content", ".TRS_Editor", ".trs_editor_view",
    ".TRS_UEDITOR", "#UCAP-CONTENT", ".pages_content", "#zoom", ".zoom", "#zoomcon", ".news_content",
    ".news-content", ".con_text", ".xxgk_content", ".detail-content", ".view", "#articleContent", ".article-body",
    ".b12c", "#js_content", ".content_body", "article", ".gsj_htmlcon", ".wzy_content", "#mainText", ".txt_con",
)  # fmt: skip
_DATE_SELECTORS = ("meta[name=PubDate]", "meta[name=pubdate]", "meta[name=publishdate]", ".date", ".time", ".pubtime",
                   ".pub-date", ".publish-time", ".pages-date", "#pubtime", "time")  # fmt: skip
_DATE = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})")


def judge_page(body: bytes, today: dt.date, host: str = "") -> Document:
    """Judge a web page: a challenge, a soft 404, a cut page, an empty index, a template whose parts are missing or
    ambiguous. Raises RejectFile or BlockFile with the reason; gives title, date and judged links otherwise."""
    from selectolax.lexbor import LexborHTMLParser

    text, encoding = _markup(body)
    tree = LexborHTMLParser(text)
    found = Document("html", encoding)
    title_node = tree.css_first("title")
    found.title = " ".join((title_node.text() if title_node else "").split())
    for node in tree.css("script, style, noscript, title, template"):
        node.decompose()
    found.text = " ".join((tree.body.text(separator=" ") if tree.body else "").split())
    headings = [" ".join(node.text().split()) for node in tree.css("h1")]
    links = [node.attributes.get("href") or "" for node in tree.css("a[href]")]
    refuse_page(text, found.title, found.text, headed=bool(headings))
    if not found.text and not links and not headings and not tree.css_first("ul, ol, table"):
        raise RejectFile("no_text", "a page that shows nothing")
    _judge_links(found, links, host, tree.css_first("base[href]") is not None)
    if headings:
        _judge_article(found, tree, headings, today)
    elif not links:
        raise BlockFile("empty_index", "a list page without a link")
    return found


def _markup(body: bytes) -> tuple[str, str]:
    """(text, encoding) of a page that is safe to parse."""
    if not body.strip():
        raise RejectFile("empty_file", "no bytes")
    if len(body) > MAX_PAGE:
        raise RejectFile("too_large", f"{len(body)} bytes, at most {MAX_PAGE}")
    text, encoding = decode_page(body)
    if "<" not in text:
        raise RejectFile("wrong_type", "no markup")
    refuse_depth(text)
    return text, encoding


def _judge_article(found: Document, tree: object, headings: list[str], today: dt.date) -> None:
    from selectolax.lexbor import LexborHTMLParser

    assert isinstance(tree, LexborHTMLParser)
    said = [h for h in headings if h]
    if not said:
        raise RejectFile("selector_no_match", "the heading is empty")
    if len(set(said)) > 1:
        raise RejectFile("selector_many", f"{len(said)} headings where the title should be one")
    bodies = [selector for selector in CONTENT_SELECTORS if tree.css_first(selector) is not None]
    if not bodies:
        raise RejectFile("selector_no_match", "no known container of the page's text")
    if not found.title:
        found.title = said[0]
    for selector in _DATE_SELECTORS:
        node = tree.css_first(selector)
        if node is None:
            continue
        shown = node.attributes.get("content") or node.text()
        if match := _DATE.search(shown or ""):
            try:
                date = parse_date("-".join(match.groups()), today, first_year=1949)
                found.date = date.iso if date else ""
            except FutureDate as error:
                found.problems.append(("implausible_date", str(error)))
            except ValueError as error:
                found.problems.append(("implausible_date", str(error)[:150]))
            break


def judge_link(href: str, host: str = "") -> str:
    """"" when a link may be followed from a page of `host`, else the reason why not. Relative links may; absolute
    ones only to the same host; nothing but http and https, no user names, no bare addresses."""
    raw = "".join(c for c in href if c > " ").strip()
    if not raw or raw.startswith("#"):
        return "no target"
    try:
        parts = urlsplit(raw)
        port = parts.port
    except ValueError:
        return "malformed"
    if parts.scheme and parts.scheme.lower() not in ("http", "https"):
        return f"scheme {parts.scheme.lower()[:12]}"
    if raw.startswith(("//", "/\\", "\\")) or parts.netloc:
        if "@" in parts.netloc:
            return "user name in the address"
        name = (parts.hostname or "").rstrip(".")
        if re.fullmatch(r"[\d.]+|0x[0-9a-f]+|[0-9a-f:.]*:[0-9a-f:.]*", name, re.I):
            return "bare address"
        if not host or name.lower() != host.lower() or port not in (None, 80, 443):
            return "other host"
    if ".." in unquote(unquote(parts.path)).split("/"):
        return "path leaves the site"
    return ""


def _judge_links(found: Document, links: list[str], host: str, has_base: bool) -> None:
    if has_base:  # a <base> would send every relative link elsewhere: it is ignored, and said so
        found.flags.append("base_href_ignored")
    for href in links:
        why = judge_link(href, host)
        if why:
            found.refused_links.append((href[:200], why))
        elif href not in found.links:
            found.links.append(href)
    if found.refused_links:
        found.flags.append(f"links_refused:{len(found.refused_links)}")


# -- XML -------------------------------------------------------------------------------------------------
def judge_xml(body: bytes) -> Document:
    """Judge an XML document; any document type declaration is refused, since bombs and outside entities need one.
    Raises RejectFile `dtd_forbidden`, `too_deep`, `invalid_xml`, `too_large`, `empty_file`."""
    import defusedxml.ElementTree as ET
    from defusedxml.common import DefusedXmlException

    if not body.strip():
        raise RejectFile("empty_file", "no bytes")
    if len(body) > MAX_PAGE:
        raise RejectFile("too_large", f"{len(body)} bytes, at most {MAX_PAGE}")
    plain = body.replace(b"\0", b"")
    if re.search(rb"<!(?:DOCTYPE|ENTITY)", plain[:65536], re.I):
        raise RejectFile("dtd_forbidden", "a document type declaration")
    depth = deepest = 0
    for match in re.finditer(rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<(/?)[A-Za-z_][^>]*?(/?)>", plain, re.S):
        if match[1] is None:
            continue
        depth += -1 if match[1] else (0 if match[2] else 1)
        deepest = max(deepest, depth)
        if deepest > MAX_NESTING:
            raise RejectFile("too_deep", f"elements nest deeper than {MAX_NESTING}")
    try:
        root = ET.fromstring(body, forbid_dtd=True)
    except DefusedXmlException:
        raise RejectFile("dtd_forbidden", "a document type declaration") from None
    except (ET.ParseError, ValueError, LookupError) as error:
        raise RejectFile("invalid_xml", str(error)[:150]) from None
    return Document("xml", text=" ".join(" ".join(root.itertext()).split()))


# -- PDF -------------------------------------------------------------------------------------------------
_CHILD = r"""
import json, resource, sys
memory, seconds = int(sys.argv[2]), int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
import logging
logging.disable(logging.CRITICAL)
try:
    import pypdf
    reader = pypdf.PdfReader(sys.argv[1], strict=False)
    pages = list(reader.pages)
    if len(pages) > 2000:
        out = {"reason": "too_large", "detail": f"{len(pages)} pages"}
    else:
        text, size = [], 0
        for page in pages:
            part = page.extract_text() or ""
            text.append(part)
            size += len(part)
            if size > 5_000_000:
                break
        out = {"pages": len(pages), "text": "\f".join(text)}
except MemoryError:
    out = {"reason": "too_large", "detail": "out of memory"}
except BaseException as error:
    name = type(error).__name__
    big = name in ("LimitReachedError",) or "limit" in str(error).lower()
    out = {"reason": "too_large" if big else "bad_pdf", "detail": f"{name}: {str(error)[:120]}"}
sys.stdout.write(json.dumps(out))
"""
_STREAM = re.compile(rb"stream\r?\n")


def judge_pdf(path: Path, seconds: int = PDF_SECONDS) -> Document:
    """Judge a PDF and read its text in a child process with limits on memory, processor time and writing; nothing
    in it is run. Raises RejectFile `wrong_type`, `too_large`, `bad_pdf`, `empty_file`. A PDF without text (a scan)
    is taken, with the flag `no_text`."""
    size = path.stat().st_size
    if size == 0:
        raise RejectFile("empty_file", "no bytes")
    if size > 200 * MIB:
        raise RejectFile("too_large", f"{size} bytes")
    body = path.read_bytes()
    if b"%PDF-" not in body[:1024]:
        raise RejectFile("wrong_type", "the file is no PDF")
    _refuse_bombs(body)
    try:
        run = subprocess.run(
            [sys.executable, "-I", "-c", _CHILD, str(path), str(PDF_MEMORY), str(seconds)],
            capture_output=True, timeout=seconds + 4, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise RejectFile("bad_pdf", f"not read within {seconds} s") from None
    try:
        answer = json.loads(run.stdout)
    except ValueError:
        raise RejectFile("bad_pdf", f"the reader died (exit {run.returncode})") from None
    if "reason" in answer:
        raise RejectFile(answer["reason"], answer["detail"])
    found = Document("pdf", text=answer["text"])
    if not answer["text"].strip():
        found.flags.append("no_text")
    if re.search(rb"/(?:JavaScript|JS|OpenAction|Launch|EmbeddedFile)\b", body):
        found.flags.append("active_content_ignored")
    return found


def _refuse_bombs(pdf: bytes) -> None:
    """Streams that decode to more than a reader should hold."""
    decoded = 0
    for match in _STREAM.finditer(pdf):
        decoder = zlib.decompressobj()
        rest = pdf[match.end() : match.end() + 32 * MIB]
        try:
            while rest and not decoder.eof:
                decoded += len(decoder.decompress(rest, 4 * MIB))
                rest = decoder.unconsumed_tail
                if decoded > MAX_PDF_STREAMS:
                    raise RejectFile("too_large", f"streams decode to more than {MAX_PDF_STREAMS} bytes")
        except zlib.error:
            continue  # not a deflated stream
