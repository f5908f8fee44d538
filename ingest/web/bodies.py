"""What bytes from the web are: their text, whether they are whole, of the kind asked for, or a challenge.

Belongs here: pure judgements on one body (bytes in, verdict out) that fetching and parsing share.
Does not belong here: any I/O (ingest/web/fetcher.py), nor what a given source's records mean.
Rules: reliability notes of the project, docs/sources.md "How sources are asked".
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Mapping

from ingest.declaration import RejectFile
from ingest.files.json import MAX_DEPTH, depth_of

BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
META_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([A-Za-z0-9_\-]{2,20})""", re.IGNORECASE)
#: Names of China's national charset; GB18030 holds all of them.
CHINESE_CHARSETS = frozenset({"gb2312", "gbk", "gb18030", "gb-2312", "x-gbk"})

# -- challenges, refusals, error pages: the only place with their words ---------------------------------------------------
#: Words by which a site asks for proof that a person reads. Any answer is looked at for them, whatever its status.
CHALLENGE_WORDS = re.compile(
    r"访问行为验证|滑块|拖动.{0,6}验证|安全验证|人机验证|请输入验证码|"
    r"captcha|are you a robot|verify you are human",
    re.IGNORECASE,
)
#: Machinery of script walls (jsluid, Ruishu, Aliyun, Cloudflare): never part of a page of content.
SCRIPT_WALL = re.compile(
    r"__jsl_clearance|__jsluid|C3VK=|\$_ts\s*=|acw_sc__v2|cf-chl|_cf_chl_opt|dun\.163\.com|geetest|"
    r"please enable javascript|enable javascript and cookies|请开启\s*javascript",
    re.IGNORECASE,
)
#: Words by which a page that came with status 200 says that it refuses: those above, and a firewall's own.
REFUSAL_WORDS = re.compile(
    CHALLENGE_WORDS.pattern + "|" + SCRIPT_WALL.pattern + "|"
    r"请完成.{0,6}验证|滑动验证|验证码.{0,8}(?:访问|继续)|访问被拒绝|访问受限|请求被拦截|已被拦截|拦截提示|网站防火墙|云防护|创宇盾|安全狗|"
    r"访问过于频繁|访问频率过|just a moment|checking your browser|attention required|access denied|request blocked|"
    r"web application firewall|403 forbidden",
    re.IGNORECASE,
)
#: Words by which a page that came with status 200 says that what was asked for is not there.
MISSING_WORDS = re.compile(
    r"(?:页面|网页|内容|文章|信息|文件)(?:已)?(?:不存在|未找到|找不到|被删除|已删除|已被删除|不见了|走丢)|"
    r"您访问的页面|"
    r"(?:无法|没有)找到.{0,6}(?:页面|网页|内容)|404\s*(?:not found|错误|页面)|not found|page (?:does not|doesn.t) exist|"
    r"抱歉.{0,12}(?:不存在|找不到)|资源不存在|该信息已(?:删除|过期)|系统繁忙|服务器(?:内部)?错误|internal server error|"
    r"bad gateway|service unavailable",
    re.IGNORECASE,
)
CHALLENGE_STATUS = frozenset({412, 521})
#: Characters of visible text above which such words mean nothing: a policy may speak of a slider, too.
VISIBLE_LIMIT = 1500
SHORT = 300  # characters of visible text below which a page says nothing but what it refuses
MAX_NESTING = 400  # real government pages nest 20 to 60 deep


def refuse_page(markup: str, title: str, visible: str, where: str = "", headed: bool = True, whole: bool = True) -> None:
    """Refuse what only looks like a page of content: its markup, its title, its visible text (blanks do not matter), whether it
    has a heading, and whether it is a `whole` document or a part of one.

    Raises RejectFile `blocked_page`, `soft_404` or `truncated_html`."""
    at = f"{where}: " if where else ""
    short = len(visible) < SHORT
    shown = title + "\n" + (visible if short else "")
    if len(visible) < VISIBLE_LIMIT and (REFUSAL_WORDS.search(shown) or (short and SCRIPT_WALL.search(markup[:4000]))):
        raise RejectFile("blocked_page", f"{at}a challenge or refusal instead of the page")
    if (short or not headed) and MISSING_WORDS.search(shown):
        raise RejectFile("soft_404", f"{at}an error page that answers as if it were the page")
    begun = {name for name in ("html", "body") if re.search(rf"<{name}[\s>]", markup, re.IGNORECASE)}
    if whole and begun and not re.search(r"</html\s*>" if "html" in begun else r"</(?:body|html)\s*>", markup, re.IGNORECASE):
        raise RejectFile("truncated_html", f"{at}the page ends before </html>")


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


def refuse_depth(text: str, where: str = "") -> None:
    """Refuse a page that no parser should see. Raises RejectFile `too_deep`."""
    if nesting(text) > MAX_NESTING:
        raise RejectFile("too_deep", f"{where}: elements nest deeper than {MAX_NESTING}" if where else f"elements nest deeper than {MAX_NESTING}")


# -- text ----------------------------------------------------------------------------------------------------------------
def charsets_of(body: bytes) -> list[str]:
    """The charsets that a body may be in, likeliest first: its byte-order mark, UTF-8, what the page itself says, GB18030. A
    declared Content-Type is not asked: it is wrong too often, and valid UTF-8 hardly ever means anything else."""
    found = [charset for bom, charset in BOMS if body.startswith(bom)][:1] + ["utf-8"]
    meta = META_CHARSET.search(body[:4096])
    if meta:
        said = meta.group(1).decode("ascii").lower()
        found.append("gb18030" if said in CHINESE_CHARSETS else said)
    return list(dict.fromkeys([*found, "gb18030"]))


def decoded(body: bytes) -> tuple[str, str] | None:
    """The text of `body` and the charset that decided, strictly; None where none reads it."""
    for charset in charsets_of(body):
        try:
            return body.decode(charset), charset
        except (UnicodeDecodeError, LookupError):
            continue
    return None


def decode_text(body: bytes, where: str = "") -> tuple[str, str]:
    """The text of `body` and the charset that decided (see `charsets_of`). Raises RejectFile("encoding") where none reads it, or
    where the text holds U+FFFD (damaged before it came here)."""
    found = decoded(body)
    if found is None:
        raise RejectFile("encoding", f"{where}: neither {', '.join(charsets_of(body))} reads it")
    if "\ufffd" in found[0]:
        raise RejectFile("encoding", f"{where}: U+FFFD in the text: it was damaged before it was fetched")
    return found


def lenient(body: bytes, limit: int = 200_000) -> str:
    """Text for looking at only (never stored): undecodable bytes become replacement characters."""
    return body[:limit].decode("utf-8", errors="replace") + (
        body[:limit].decode("gb18030", errors="replace") if not is_utf8(body[:limit]) else ""
    )


def is_utf8(body: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(body)
    except UnicodeDecodeError:
        return False
    return True


def kind_of(body: bytes) -> str:
    """What the first bytes say: `zip` (also xlsx), `pdf`, `gzip`, `ole` (old Office), `html`, `xml`, `json`,
    `text` or `binary`."""
    head = body[:2048].lstrip(b"\xef\xbb\xbf \t\r\n")
    lower = head[:600].lower()
    if head.startswith(b"PK\x03\x04") or head.startswith(b"PK\x05\x06"):
        return "zip"
    if head.startswith(b"%PDF"):
        return "pdf"
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        return "ole"
    if head[:1] in (b"{", b"["):
        return "json"  # asked first: its texts may hold markup
    if re.search(rb"<!doctype html|<html|<head|<body|<script", lower):
        return "html"
    if lower.startswith(b"<?xml") or lower.startswith(b"<"):
        return "xml"
    if b"\0" in head:
        return "binary"
    return "text"


ACCEPTED_KINDS = {
    "html": {"html", "xml"},
    "json": {"json", "text"},
    "csv": {"text"},
    "text": {"text", "json", "html", "xml"},
    "xml": {"xml", "html"},
    "xlsx": {"zip"},
    "zip": {"zip"},
    "pdf": {"pdf"},
    "ole": {"ole", "zip"},
}


def challenge(status: int, headers: Mapping[str, str], body: bytes) -> str:
    """Why this answer is a challenge (captcha, script wall), or "" where it is none.

    Statuses 412 and 521 are script walls of the sites read here; 403 and 503 only with the wall's header."""
    if status in CHALLENGE_STATUS:
        return f"status {status}"
    if headers.get("cf-mitigated"):
        return "cf-mitigated header"
    if kind_of(body) in ("zip", "pdf", "gzip", "ole", "binary"):
        return ""
    text = lenient(body)
    wall = SCRIPT_WALL.search(text)
    words = CHALLENGE_WORDS.search(text)
    if not wall and not words:
        return ""
    visible = re.sub(
        r"<script.*?</script>|<style.*?</style>|<[^>]*>|\s+", "", text, flags=re.DOTALL | re.IGNORECASE
    )
    if len(visible) > VISIBLE_LIMIT:
        return ""
    found = wall or words
    return f"the page says {found.group(0)!r}" if found else ""


def require_whole(body: bytes, kind: str, where: str = "") -> None:
    """Refuse a body that ends too early, where HTTP could not tell (closed connection, no length).

    `kind` html needs its closing tag, json must parse. Raises RejectFile("truncated_html" or
    "truncated_json")."""
    if kind == "html" and not re.search(rb"</html\s*>\s*(<!--.*?-->\s*)*\Z", body[-4096:].lower(), re.DOTALL):
        raise RejectFile("truncated_html", f"{where}: the page ends without its closing tag")
    if kind == "json":
        try:
            json.loads(body)
        except (ValueError, RecursionError) as error:
            raise RejectFile("truncated_json", f"{where}: {error}") from None


def require_kind(body: bytes, expect: str, where: str = "") -> None:
    """Refuse a body that is not what was asked for, whatever its Content-Type says. Raises
    RejectFile("wrong_type")."""
    if not expect:
        return
    found = kind_of(body)
    if found not in ACCEPTED_KINDS[expect]:
        raise RejectFile("wrong_type", f"{where}: asked for {expect}, got {found}")


def read_json(body: bytes, where: str = "") -> object:
    """JSON of a reply: shallow enough, no doubled key inside an object, no NaN. Raises RejectFile with reason
    `too_deep`, `duplicate_json_key`, `json` or `encoding`."""
    # asked before any parser sees it, since they die of depth; signs of JSON are one byte in every charset that is read here
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH and depth_of(body.decode("latin-1")) > MAX_DEPTH:
        raise RejectFile("too_deep", f"{where}: JSON nests deeper than {MAX_DEPTH}")
    text, _ = decode_text(body, where)

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise RejectFile("duplicate_json_key", f"{where}: a key stands twice in one object")
        return found

    def refuse(token: str) -> object:
        raise RejectFile("json", f"{where}: {token} is not JSON")

    try:
        result: object = json.loads(text, object_pairs_hook=once, parse_constant=refuse)
    except ValueError as error:
        raise RejectFile("json", f"{where}: {error}") from None
    return result
