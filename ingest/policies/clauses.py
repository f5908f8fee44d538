"""What a policy text says of other texts: which it repeals, which it replaces, which higher one it follows.

Belongs here: clauses about other documents, as pure functions of title and text. Does not belong here: which document a
number or title is (the dbt project finds that out), nor dates and amounts (ingest/policies/text.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ingest.policies.text import normalise_doc_no, normalise_title

_NAMED = re.compile(r"《([^《》]{4,120})》(?:\s*[（(]([^（()）]{4,40}号)[)）])?")
_NUMBER = re.compile(r"[一-龥]{1,12}[〔\[［（(【]\s*(?:19|20)\d{2}\s*[〕\]］）)】]\s*\d{1,5}\s*号")
_DECISION = re.compile(r"(?:废止|宣布失效|失效)(?:和修改)?.{0,30}(?:决定|通知|公告|目录|文件)|(?:决定|公布).{0,20}(?:废止|失效)")
_FOLLOWS = re.compile(r"(?:根据|依据|按照|遵照|贯彻落实|贯彻|落实|执行|转发)[^。；;\n]{0,40}?《([^《》]{4,120})》(?:\s*[（(]([^（()）]{4,40}号)[)）])?")
_FORWARDS = re.compile(r"转发(国务院|国家|[一-龥]{2,12}部|财政部|工业和信息化部)?.{0,60}?(?:关于|《)")
#: Issuers and number codes of the nation. A title that begins with one, or a number that carries one, is national.
_NATIONAL = re.compile(
    r"^(?:中共中央|国务院|国家|中华人民共和国|工业和信息化部|工信部|财政部|科技部|科学技术部|交通运输部|商务部|公安部|生态环境部|"
    r"住房和城乡建设部|住房城乡建设部|自然资源部|市场监管总局|税务总局|海关总署|人民银行|中国人民银行|[一二三四五六七八九十]部[门委])"
)
_NATIONAL_NO = re.compile(r"^(?:国发|国办|国函|国令|财建|财税|财政部|发改|工信|科发|国科|交运|交通|商消费|商|公交管|环|建|国能|税总|中办发)")


def abolished(title: str, text: str, clauses: Iterable[str]) -> list[str]:
    """Numbers and titles that a text repeals: those its clauses of repeal name (as policy_text.validity found them), and
    for a decision on repeal all that its list names."""
    found = list(dict.fromkeys(clauses))
    if _DECISION.search(title):
        for match in _NAMED.finditer(text):
            found.append(match[1])
        for number in _NUMBER.findall(text):
            if normal := normalise_doc_no(number):
                found.append(normal)
    return list(dict.fromkeys(found))


def superseded(title: str, text: str, repealed: Iterable[str]) -> list[str]:
    """Those among the repealed that are former editions of this very text, by title, and those that it says to revise."""
    own = core(title)
    found = [name for name in repealed if "号" not in name[-2:] and own and alike(own, core(name))]
    numbers = {name for name in repealed if name.endswith("号")}
    for match in _NAMED.finditer(text):
        after = text[match.end() : match.end() + 30]
        if re.match(r"\s*(?:进行了?|予以)?(?:修订|修改)(?!计划|工作)", after):
            found.append(match[1])
        if match[1] in found and match[2] and (number := normalise_doc_no(match[2])) in numbers:
            found.append(str(number))
    return list(dict.fromkeys(found))


def core(title: str) -> str:
    """A title without its frame (issuer, 关于印发, 的通知), years, trial marks and quotes: what it keeps over revisions."""
    inner = re.search(r"《([^《》]{4,120})》", title)
    plain = inner[1] if inner else re.sub(r"^.*?关于(?:印发|发布|公布|调整|修订)?", "", title)
    plain = re.sub(r"的(?:通知|通告|公告|决定)$", "", plain)
    return re.sub(r"试行|暂行|修订版?|20\d{2}年?版?|[—\-－()（）]", "", normalise_title(plain))


def alike(a: str, b: str) -> bool:
    return len(a) >= 6 and len(b) >= 6 and (a in b or b in a)


def derived_from(title: str, text: str, level: str) -> tuple[str | None, str | None]:
    """(title, number) of the first national text that this one says to follow, carry out or forward; (None, None) where it
    names none. A national text derives from another only where it names one of the centre (中共中央, 国务院)."""
    for place, source in enumerate((title, text)):
        for match in _FOLLOWS.finditer(source):
            name, number = match[1], normalise_doc_no(match[2]) if match[2] else None
            before = source[match.start() : match.start(1)]
            national = bool(_NATIONAL.match(name) or (number and _NATIONAL_NO.match(number)) or re.search(_NATIONAL.pattern[1:], before))
            if level == "national":
                national = bool(re.match(r"中共中央|国务院", name) or re.search(r"国务院|中共中央", before) or (number or "").startswith(("国发", "国办")))
            if national:
                return name, number
        if place == 0 and (found := _FORWARDS.search(title)) and level != "national":
            rest = title[found.start() + 2 :]
            rest = re.sub(r"的?(?:通知|通告|意见的通知)$", lambda m: "", rest).strip("《》")
            if _NATIONAL.match(rest):
                return rest, None
    return None, None
