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

MIB = 1 << 20
MAX_PAGE = 20 * MIB
MAX_NESTING = 400  # real government pages nest 20 to 60 deep
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
_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_-]{2,20})", re.I)


def decode_page(body: bytes) -> tuple[str, str]:
    """(text, encoding) of a page: byte-order mark, strict UTF-8, what the page itself says, strict GB18030. What
    servers and pages say about their charset is often wrong, valid UTF-8 hardly ever. Raises RejectFile
    `invalid_encoding` when none fits."""
    for bom, name in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if body.startswith(bom):
            try:
                return body.decode(name), name
            except UnicodeDecodeError:
                break
    candidates = ["utf-8"]
    if found := _META_CHARSET.search(body[:4096]):
        said = found[1].decode("ascii").lower()
        candidates.append("gb18030" if said in ("gb2312", "gbk", "gb18030", "gb-2312", "x-gbk") else said)
    for name in [*candidates, "gb18030"]:
        try:
            return body.decode(name), name
        except (UnicodeDecodeError, LookupError):
            continue
    raise RejectFile("invalid_encoding", f"the page is none of {', '.join(dict.fromkeys([*candidates, 'gb18030']))}")


_TAG = re.compile(
    r"<!--.*?(?:-->|$)|<(script|style|textarea|title)\b[^>]*>.*?(?:</\1\s*>|$)|<(/?)([a-zA-Z][a-zA-Z0-9]*)", re.S | re.I
)
_VOID = frozenset("area base br col embed hr img input link meta param source track wbr p li dt dd option tr td th "
                  "tbody thead tfoot colgroup".split())  # fmt: skip


def nesting(text: str, most: int = MAX_NESTING) -> int:
    """How deep the elements of a page nest, by a scan of its tags: no parser is trusted with a deep page."""
    depth = deepest = 0
    for match in _TAG.finditer(text):
        name = match[3]
        if name is None or name.lower() in _VOID:
            continue
        depth = max(depth - 1, 0) if match[2] else depth + 1
        if depth > deepest:
            deepest = depth
            if deepest > most:
                break
    return deepest


CHALLENGE = re.compile(
    r"安全验证|访问行为验证|请完成.{0,6}验证|滑动验证|拖动滑块|滑块验证|人机验证|验证码.{0,8}(?:访问|继续)|访问被拒绝|访问受限|"
    r"请求被拦截|已被拦截|拦截提示|网站防火墙|云防护|创宇盾|安全狗|访问过于频繁|访问频率过|"
    r"just a moment|checking your browser|"
    r"attention required|access denied|captcha|request blocked|web application firewall|__jsl_clearance|acw_sc__v2|"
    r"enable javascript and cookies|403 forbidden",
    re.I,
)
MISSING = re.compile(
    r"(?:页面|网页|内容|文章|信息|文件)(?:已)?(?:不存在|未找到|找不到|被删除|已删除|已被删除|不见了|走丢)|"
    r"您访问的页面|"
    r"(?:无法|没有)找到.{0,6}(?:页面|网页|内容)|404\s*(?:not found|错误|页面)|not found|page (?:does not|doesn.t) exist|"
    r"抱歉.{0,12}(?:不存在|找不到)|资源不存在|该信息已(?:删除|过期)|系统繁忙|服务器(?:内部)?错误|internal server error|"
    r"bad gateway|service unavailable",
    re.I,
)
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
    _refuse_other_page(found, text, headings)
    _refuse_cut(text)
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
    if nesting(text) > MAX_NESTING:
        raise RejectFile("too_deep", f"elements nest deeper than {MAX_NESTING}")
    return text, encoding


def _refuse_other_page(found: Document, text: str, headings: list[str]) -> None:
    """A challenge or an error page says so in its title, or in the little that it shows."""
    short = len(found.text) < 300
    shown = found.title + "\n" + (found.text if short else "")
    low = text[:4000].lower()
    if CHALLENGE.search(shown) or (short and ("__jsl_clearance" in low or "acw_sc__v2" in low)):
        raise RejectFile("blocked_page", "a challenge or refusal instead of the page")
    if (short or not headings) and MISSING.search(shown):
        raise RejectFile("soft_404", "an error page that answers as if it were the page")


def _refuse_cut(text: str) -> None:
    for opens, closes in ((r"<html[\s>]", r"</html\s*>"), (r"<body[\s>]", r"</(?:body|html)\s*>")):
        if re.search(opens, text, re.I) and not re.search(closes, text, re.I):
            raise RejectFile("truncated_html", "the page ends before </html>")


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
