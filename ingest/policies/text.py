"""What a policy document says about itself: number, dates, type, validity.

Belongs here: pure functions over text that every source of policies shares. Does not belong here: amounts in a sentence
(amounts.py), which instrument it is (coding.py), how a page is reached or read (the sources).
"""

from __future__ import annotations

import calendar
import re
import unicodedata
from dataclasses import dataclass

import cn2an

# -- document numbers ------------------------------------------------------------------------------------
_BRACKETS = str.maketrans(dict.fromkeys("[［【〖（(《", "〔") | dict.fromkeys("]］】〗）)》", "〕"))
_DOC_NO = re.compile(r"([一-龥A-Za-z]{1,16}?)〔\s*((?:19|20)\d{2})\s*〕\s*第?\s*0*(\d{1,5})\s*号")
_ORDER = re.compile(r"([一-龥]{0,14}?)(?:令|公告)第?\s*0*(\d{1,4})\s*号")
_NOTICE = re.compile(r"(?:(?<=[一-龥])|^)公告\s*〔?((?:19|20)\d{2})〕?\s*年?第?\s*0*(\d{1,4})\s*号")
#: What a greedy prefix swallows before the issuer's code: "…的通知国发〔2009〕12号".
_PREFIX_CUT = re.compile(r"^.*(?:通知|意见|办法|规定|方案|规划|决定|公告|文号|字号|依据|根据|按照|和|及|与|的)")


def normalise_doc_no(text: str | None) -> str | None:
    """A document number in one form (`国办发〔2020〕39号`, `令第44号`, `公告2014年第53号`), or None.

    Brackets of all shapes are folded, leading zeros and blanks dropped, and words that precede the issuer's
    code cut. In: any text that holds one number; out: the first number found.
    """
    if not text or not text.strip():
        return None
    folded = re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).translate(_BRACKETS)
    if found := _NOTICE.search(folded):
        return f"公告{found[1]}年第{int(found[2])}号"
    if found := _DOC_NO.search(folded):
        code = _PREFIX_CUT.sub("", found[1]) or found[1]
        return f"{code}〔{found[2]}〕{int(found[3])}号"
    if found := re.search(r"([一-龥]{0,14}?)令第?0*(\d{1,4})号", folded):
        return f"{found[1]}令第{int(found[2])}号"
    return None


def normalise_title(title: str) -> str:
    """The key under which two copies of a title agree: NFKC, no blanks, quotes, validity marks or 'issued by' frame."""
    key = unicodedata.normalize("NFKC", title)
    key = re.sub(r"^[\[【(〔]?(?:已)?(?:失效|废止)[\]】)〕]?", "", key.strip())
    key = re.sub(r"[(〔](?:题名待核|题名截断|征求意见稿)[)〕]", "", key)
    return re.sub(r"[\s“”\"'‘’《》<>·,,、.。:\-—]", "", key).lower()


# -- dates -------------------------------------------------------------------------------------------------
_CN_DIGIT = str.maketrans("〇○零一二三四五六七八九", "000123456789")
_DATE = re.compile(r"((?:19|20)\d{2})\s*(?:年|[-/.])\s*(?:(\d{1,2})\s*(?:月|[-/.]|$|(?=\D))\s*(?:(\d{1,2})\s*日?)?)?")
_CN_DATE = re.compile(r"([〇○零一二三四五六七八九]{4})年([一二三四五六七八九十]{1,3})月(?:([一二三四五六七八九十]{1,3})日)?")


def parse_numeral(text: str) -> int | None:
    """A whole number in Arabic or Chinese digits; None for what is none."""
    try:
        return int(cn2an.cn2an(text, "smart"))
    except ValueError:
        return None


def parse_date(text: str | None) -> tuple[str | None, str | None]:
    """First date of a text as (ISO text cut to its precision, day|month|year); (None, None) where there is none.
    Reads 2020-10-20, 2020年10月, 2020/1/2, 二〇二〇年十月二十日, 20201020."""
    if not text:
        return None, None
    plain = unicodedata.normalize("NFKC", str(text)).strip()
    if found := _CN_DATE.search(plain):
        year = found[1].translate(_CN_DIGIT)
        month = int(cn2an.cn2an(found[2], "smart"))
        day = int(cn2an.cn2an(found[3], "smart")) if found[3] else None
        return _iso(int(year), month, day)
    if re.fullmatch(r"(?:19|20)\d{6}", plain):
        return _iso(int(plain[:4]), int(plain[4:6]), int(plain[6:]))
    if re.fullmatch(r"(?:19|20)\d{2}", plain):
        return plain, "year"
    if found := _DATE.search(plain):
        return _iso(int(found[1]), int(found[2]) if found[2] else None, int(found[3]) if found[3] else None)
    return None, None


def _iso(year: int, month: int | None, day: int | None) -> tuple[str | None, str | None]:
    if month is None or not 1 <= month <= 12:
        return f"{year:04d}", "year"
    if day is None or not 1 <= day <= calendar.monthrange(year, month)[1]:  # 31 November: the month is all that is known
        return f"{year:04d}-{month:02d}", "month"
    return f"{year:04d}-{month:02d}-{day:02d}", "day"


def last_day(iso: str | None) -> str | None:
    """The last day that a date of any precision can mean: 2020 → 2020-12-31, 2020-06 → 2020-06-30."""
    if not iso:
        return None
    if len(iso) == 4:
        return f"{iso}-12-31"
    if len(iso) == 7:
        year, month = int(iso[:4]), int(iso[5:])
        days = [31, 29 if year % 4 == 0 and (year % 100 or year % 400 == 0) else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        return f"{iso}-{days[month - 1]:02d}"
    return iso


def first_day(iso: str | None) -> str | None:
    """The first day that a date of any precision can mean."""
    return None if not iso else iso + {4: "-01-01", 7: "-01"}.get(len(iso), "")


# -- type of document ----------------------------------------------------------------------------------------
#: First rule that fits wins: what a document does to others (answers, explains, reports, selects, invites)
#: is said before what it is, so a "解读" of a plan is an interpretation.
_DOC_TYPES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("reply", re.compile(r"(?:提案|建议|议案)\S{0,30}(?:答复|复函|办理)|答复的函|答复函|^对.*(?:提案|建议).*的?答复|号(?:提案|建议)")),
    ("interpretation", re.compile(r"解读|图解|一图(?:读懂|看懂)|政策问答|问答|答记者问|起草说明|编制说明|修订说明|释义|热点回应")),
    ("agreement", re.compile(r"协议|备忘录|签约|战略合作")),
    ("result", re.compile(r"公示|名单(?:[（(]|的|$)|公布.{0,40}名单|结果的?(?:公告|通知|公布)?$|拟(?:支持|立项|补助|奖励|认定|安排)|中标|成交公告|资金(?:安排|拨付|分配)(?:表|方案|计划)|清算(?:情况|结果)|第[一二三四五六七八九十\d]+批.{0,12}(?:试点|示范)(?:城市|企业|项目)?的?(?:通知|公告|批复)$")),
    ("call", re.compile(r"申报|征集|组织推荐|申请(?:指南|受理)|项目指南|揭榜|遴选|报送.{0,12}(?:材料|计划)|公开征求|征求.{0,20}意见的")),
    ("news", re.compile(r"召开|举行|举办|调研|考察|出席|会见|座谈会|发布会|(?:正式)?(?:启动|开工|投产|揭牌|下线)(?:仪式)?$|突破\S{0,8}(?:辆|亿元)$|^(?:我[市省区]|全[市省]).*(?:增长|达|破)")),
    ("norm", re.compile(r"(?:贯彻|落实|执行).{2,50}(?:规划|方案|计划).{0,6}(?:意见|办法|细则|措施)$")),  # it carries a plan out, and is none
    ("plan", re.compile(r"规划|(?:行动|工作|建设|实施|发展|布局|三年|推广)计划|(?:行动|实施|工作|总体|建设|培育|布局|组建|振兴|发展|试点|推进)方案|发展战略|创新发展战略|(?:专项)?行动(?:的通知)?$|路线图|工作要点|政府工作报告")),
    ("norm", re.compile(r"通知|意见|办法|规定|条例|细则|措施|举措|决定|公告|通告|政策|规范|条件|规则|管理|标准|指引|批复|令|导则|须知|方案")),
)  # fmt: skip
_DOC_TYPES_EN: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("reply", re.compile(r"\breply to\b|\bresponse to proposal", re.I)),
    ("interpretation", re.compile(r"\binterpretation\b|\bQ&A\b|\bexplained\b", re.I)),
    ("agreement", re.compile(r"\bagreement\b|\bmemorandum\b", re.I)),
    ("result", re.compile(r"\blist of (?:approved|selected)|\bnaming\b|\bannounc\w+ (?:of )?the (?:results|winners)", re.I)),
    ("call", re.compile(r"\bcall for\b|\bsolicit\w*\b|\bapplications? for\b", re.I)),
    ("news", re.compile(r"\bpress conference\b|\bvisits\b|\bceremony\b", re.I)),
    ("plan", re.compile(r"\bplan\b|\bstrategy\b|\broadmap\b|\bprogramme?\b", re.I)),
    ("norm", re.compile(r"\bnotice\b|\bmeasures\b|\bregulations?\b|\brules\b|\bopinions?\b|\bprovisions\b|\bdecision\b|\bannouncement\b", re.I)),
)  # fmt: skip


def document_type(title: str, doc_no: str | None = None, content: str = "") -> str:
    """norm | plan | call | result | interpretation | reply | news | agreement | other, from the title.

    A number of the issuer overrules `news` (news has none). In: title, number if any, and the body, whose
    opening decides only where the title does not.
    """
    chinese = re.search(r"[一-龥]", title) is not None
    for name, pattern in _DOC_TYPES if chinese else _DOC_TYPES_EN:
        if pattern.search(title):
            if name == "news" and doc_no:
                continue
            if name in ("plan", "norm") and re.search(r"讯[)）]?|记者", content[:60]):
                return "news"
            return name
    if doc_no or re.search(r"特制定本|制定(?:如下|以下)|各[区县市]人民政府", content[:400]):
        return "norm"
    if re.search(r"(?:讯|电)[)）]|记者|据悉|日前|近日", content[:200]):
        return "news"
    return "other"


# -- validity ---------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Validity:
    """What a text says of its own validity. Dates are ISO days; `supersedes` holds numbers and titles that the
    text repeals (废止)."""

    valid_from: str | None = None
    valid_to: str | None = None
    supersedes: tuple[str, ...] = ()


_D = r"(?:19|20)\d{2}年\d{1,2}月(?:\d{1,2}日)?"
_FROM = re.compile(rf"自\s*({_D})\s*(?:起|开始|之日起)\S{{0,8}}?(?:施行|实施|执行|生效)|({_D})起(?:施行|实施|执行|生效)")
_FROM_ISSUE = re.compile(r"自(?:印发|发布|公布|颁布|下发)之日起(?:\d+日后)?(?:施行|实施|执行|生效)")
_TO = re.compile(rf"(?:有效期|执行期|实施期限?|政策期限?|有效期限?)\D{{0,12}}?(?:至|到|截至|为.{{0,14}}至)\s*({_D})|(?:执行|实施|施行)至\s*({_D})|({_D})(?:废止|失效|止)")
_YEARS = re.compile(r"有效期(?:限)?(?:为|是)?\s*([一二三四五六七八九十\d]+)\s*年")
_RANGE = re.compile(rf"(?:自|从)?({_D})(?:起)?(?:至|到|—|－|-)({_D})")
_REPEAL = re.compile(r"[^。；\n]*(?:同时废止|予以废止|即行废止|自行废止|同时失效|宣布失效|停止执行)")


def validity(text: str, issued_on: str | None = None) -> Validity:
    """Validity clauses of a text: 自…起施行, 有效期N年, 有效期至, 同时废止. Years of validity are counted from the
    day of entry into force, else of issue, and end on the day before its anniversary."""
    flat = unicodedata.normalize("NFKC", text)
    start = _stated_start(flat, issued_on)
    end = _stated_end(flat)
    if start is None or end is None:
        first, last = _stated_range(flat)
        start, end = start or first, end or last
    base = start or first_day(issued_on)
    if end is None and base and (found := _YEARS.search(flat)):
        years = _years(found[1])
        end = _day_before_anniversary(base, years) if years else None
    return Validity(start, end, _repealed(text))


def _years(text: str) -> int | None:
    """A number of years of validity; None for what is none (九0, 300000)."""
    years = parse_numeral(text)
    return years if years is not None and 0 < years <= 100 else None


def _stated_start(flat: str, issued_on: str | None) -> str | None:
    """自2023年1月1日起施行, or 自印发之日起施行 of a document whose day of issue is known."""
    if found := _FROM.search(flat):
        return first_day(parse_date(found[1] or found[2])[0])
    if issued_on and _FROM_ISSUE.search(flat):
        return first_day(issued_on)
    return None


def _stated_end(flat: str) -> str | None:
    """有效期至2025年12月31日."""
    if found := _TO.search(flat):
        return last_day(parse_date(next(g for g in found.groups() if g))[0])
    return None


def _stated_range(flat: str) -> tuple[str | None, str | None]:
    """The first range of days that stands by a word of validity (执行, 实施, 期限)."""
    for found in _RANGE.finditer(flat):
        around = flat[max(0, found.start() - 12) : found.end() + 12]
        if re.search(r"有效|执行|实施|施行|期限|期间", around):
            return first_day(parse_date(found[1])[0]), last_day(parse_date(found[2])[0])
    return None, None


def _repealed(text: str) -> tuple[str, ...]:
    """Titles and numbers of the documents that the text repeals, in the order of its clauses, each once."""
    found: list[str] = []
    for clause in _REPEAL.finditer(text):
        found += re.findall(r"《([^》]{4,80})》", clause[0])
        folded = unicodedata.normalize("NFKC", clause[0]).translate(_BRACKETS)
        found += filter(None, (normalise_doc_no(number[0]) for number in _DOC_NO.finditer(folded)))
    return tuple(dict.fromkeys(found))


def _day_before_anniversary(iso: str, years: int) -> str:
    import datetime as dt

    day = dt.date.fromisoformat(iso)
    try:
        later = day.replace(year=day.year + years)
    except ValueError:  # 29 February
        later = day.replace(year=day.year + years, day=28)
    return (later - dt.timedelta(days=1)).isoformat()
