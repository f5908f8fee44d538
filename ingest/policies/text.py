"""What a policy document says about itself: number, dates, type, validity, and the amounts in a sentence.

Belongs here: pure functions over text that every source of policies shares. Does not belong here: which
instrument a sentence is (ingest/policies/coding.py), how a page is reached or read (the sources).
"""

# ruff: noqa: E501 - a regular expression is read best on one line
from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import cn2an

# -- document numbers ------------------------------------------------------------------------------------
_BRACKETS = str.maketrans({c: "〔" for c in "[［【〖（(《"} | {c: "〕" for c in "]］】〗）)》"})
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
    if day is None or not 1 <= day <= 31:
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
    start = end = None
    flat = unicodedata.normalize("NFKC", text)
    if found := _FROM.search(flat):
        start = first_day(parse_date(found[1] or found[2])[0])
    elif _FROM_ISSUE.search(flat) and issued_on:
        start = first_day(issued_on)
    if found := _TO.search(flat):
        end = last_day(parse_date(next(g for g in found.groups() if g))[0])
    if start is None or end is None:
        for found in _RANGE.finditer(flat):
            around = flat[max(0, found.start() - 12) : found.end() + 12]
            if re.search(r"有效|执行|实施|施行|期限|期间", around):
                start = start or first_day(parse_date(found[1])[0])
                end = end or last_day(parse_date(found[2])[0])
                break
    base = start or first_day(issued_on)
    if end is None and base and (found := _YEARS.search(flat)):
        years = int(cn2an.cn2an(found[1], "smart"))
        end = _day_before_anniversary(base, years)
    repealed: list[str] = []
    for clause in _REPEAL.finditer(text):
        for title in re.findall(r"《([^》]{4,80})》", clause[0]):
            repealed.append(title)
        folded = unicodedata.normalize("NFKC", clause[0]).translate(_BRACKETS)
        for number in _DOC_NO.finditer(folded):
            if normal := normalise_doc_no(number[0]):
                repealed.append(normal)
    return Validity(start, end, tuple(dict.fromkeys(repealed)))


def _day_before_anniversary(iso: str, years: int) -> str:
    import datetime as dt

    day = dt.date.fromisoformat(iso)
    try:
        later = day.replace(year=day.year + years)
    except ValueError:  # 29 February
        later = day.replace(year=day.year + years, day=28)
    return (later - dt.timedelta(days=1)).isoformat()


# -- amounts ----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Amount:
    """One amount of a sentence. `value` is in `unit`; `start`/`end` are character offsets in the sentence.
    `role`: rate | cap | total | target | threshold."""

    value: float
    unit: str
    role: str
    start: int
    end: int


_CN_NUM = "零〇一二三四五六七八九十百千两"
_NUM = rf"(?:\d[\d,]*(?:\.\d+)?|[{_CN_NUM}]+(?:点[{_CN_NUM}]+)?)"
_SCALE = {"": 1.0, "十": 10.0, "百": 100.0, "千": 1e3, "万": 1e4, "十万": 1e5, "百万": 1e6, "千万": 1e7, "亿": 1e8, "万亿": 1e12}
#: unit words → (canonical unit, factor). Longest first. Per-unit money must precede plain money.
_PER = {
    "千瓦时": "kWh", "度": "kWh", "瓦时": "Wh", "千瓦": "kW", "辆": "vehicle", "台": "vehicle", "车": "vehicle", "桩": "pile",
    "个": "pile", "公斤": "kg", "千克": "kg", "kg": "kg", "kWh": "kWh", "kwh": "kWh", "kW": "kW", "KW": "kW", "kw": "kW",
    "站": "station", "座": "station", "平方米": "m2", "㎡": "m2", "亩": "mu", "人": "person", "积分": "point", "分": "point", "公里": "km", "月": "month", "年": "year",
    "枪": "pile", "套": "set", "户": "household", "家": "firm", "吨": "t", "款": "model", "项": "project", "Wh": "Wh",
}  # fmt: skip
_COUNT = {
    "辆": "vehicles", "台套": "sets", "台": "vehicles", "个充电桩": "piles", "根充电桩": "piles", "个桩": "piles", "根桩": "piles", "座充电站": "stations",
    "座换电站": "stations", "座加氢站": "stations", "座": "stations", "吉瓦时": "GWh", "GWh": "GWh", "兆瓦": "MW", "千瓦时": "kWh", "千瓦": "kW", "kW": "kW",
    "公里": "km", "亩": "mu", "平方米": "m2", "家": "firms", "户": "households", "个": "items", "根": "piles", "项": "items", "款": "models", "吨": "t", "名": "persons", "人": "persons",
}  # fmt: skip
_COUNT_ALT = "|".join(sorted(map(re.escape, _COUNT), key=len, reverse=True))
_PER_ALT = "|".join(sorted(map(re.escape, _PER), key=len, reverse=True))
_MONEY = re.compile(
    rf"(?:(?<![\d.])(?P<lo>{_NUM})\s*(?P<ls>万亿|千万|百万|十万|亿|万)?元?\s*(?:-|—|~|至|到)\s*)?(?<![\d.])(?P<num>{_NUM})\s*(?P<scale>万亿|千万|百万|十万|亿|万|千)?\s*元(?:人民币)?"
    rf"(?:\s*(?:/|每)\s*(?P<per>{_PER_ALT})(?!度))?(?:[·・/]?(?P<per2>年|月)(?![度内底末]))?"
)
_PERCENT = re.compile(rf"(?<![\d.])(?P<num>\d[\d,]*(?:\.\d+)?)\s*(?:%|％|个百分点)|百分之(?P<cn>[{_CN_NUM}]+(?:点[{_CN_NUM}]+)?)")
_INSTALMENT = re.compile(r"(?:首笔|尾款|余款|首期款|首付款|预付|预拨|拨付|兑付|发放)(?:资金|资助|补助|补贴|奖励|尾款|余款|剩余|其余|款)?(?:的|总额的|金额的)?\s*$")
_INSTALMENT_AFTER = re.compile(r"(?:的)?(?:首笔|首期|尾款|余款|剩余资金|预拨)")
_RATIO = re.compile(r"(?<![\d.:：])(\d(?:\.\d+)?)\s*[:：∶]\s*(\d(?:\.\d+)?)(?![\d.:：])")
_COUNTED = re.compile(rf"(?<![\d.])(?P<num>{_NUM})\s*(?P<scale>万亿|亿|万|千)?\s*(?:余|多)?\s*(?P<unit>{_COUNT_ALT})")
_EACH = re.compile(
    r"每(?:销售|生产|推广|新增|购买|采购|购置|更新|报废|投放|建设|建成|回收)?\s*(?:1|一)?\s*(?P<per>千瓦时|千瓦|公斤|千克|平方米|公里|辆|台|桩|枪|座|站|亩|积分|分|人|款|kWh|kW|度(?:电)?|吨|套|户|家|个(?P<item>充电桩|换电站|加氢站|桩|站|项目|企业|平台|车型)?)"
)
_EACH_UNIT = {"度电": "kWh", "充电桩": "pile", "桩": "pile", "换电站": "station", "加氢站": "station", "站": "station", "项目": "project", "企业": "firm", "平台": "platform", "车型": "model"}
_CAP = re.compile(r"最高|不超过|上限|封顶|最多|不高于|限额|累计.{0,6}不超|至多")
_CAP_AFTER = re.compile(r"^(?:封顶|以内|以下|为上限|的?上限|（含）以内|\(含\)以内)")
_TOTAL = re.compile(r"总额|总规模|规模|总投资|总计|共计|安排|筹集|设立|资金池|额度|总量|授信|募集|增资|注资|出资|投入")
_TARGET = re.compile(r"达到?|力争|目标|突破|超过|超|建成|新建|建设|新增|形成|推广|增至|实现|完成|不少于|不低于|占|比例|比重|翻番")
_GIVE = re.compile(r"给予|奖励|补贴|补助|资助|奖补|支持|发放|享受|领取|贴息|补偿|返还|减免|按照?")
_LISTED = re.compile(r"\s*[、和及与]\s*")
_BAND = re.compile(r"^[百千万亿]*元?(?:[（(](?:不)?含[)）])?\s*(?:至|到|-|—|~)\s*[\d.]+\s*[百千万亿]*元(?:[（(](?:不)?含[)）])?(?:及)?(?:以下|以内|之间)?的")
_THRESHOLD_AFTER = re.compile(r"^(?:（含）|\(含\))?(?:及)?以上(?!.{0,3}(?:给予|奖|补))|^(?:（含）|\(含\))?(?:及)?(?:以上)?的(?!奖|补|资|标准|比例|支持|幅度|一次)|^(?:（含）)?(?:以上)(?:的|，|,|、|且|\()|^以上[^，,。]{0,16}的[，,可]")
_THRESHOLD = re.compile(r"(?:首次)?(?:达到|超过|突破|满|不低于|不少于|高于|大于|总投资|投资额|投资|销售额|产值|营收|营业收入)(?:首次)?(?:达到?|超过|突破|满|不低于|不少于|在)?\s*$")


def number(text: str) -> float | None:
    """`3,000`, `1.5`, `三百`, `两千五百` → float; None when it is no number."""
    plain = text.replace(",", "")
    if re.fullmatch(r"\d+(?:\.\d+)?", plain):
        return float(plain)
    try:
        return float(cn2an.cn2an(plain.replace("两", "二").replace("〇", "零"), "smart"))
    except (ValueError, KeyError):
        return None


def _scaled(num: str, scale: str | None) -> float | None:
    value = number(num)
    if value is None:
        return None
    return round(value * _SCALE[scale or ""], 6)


def amounts(sentence: str) -> list[Amount]:
    """All amounts of one Chinese sentence, in order, normalised: money in CNY (万, 亿 multiplied out, per kWh, kW,
    vehicle … kept as `CNY/<unit>`), shares in `%`, matches in `ratio` (local to central: 1:0.5 → 0.5), counts in
    vehicles, piles, stations, GWh … Years, dates, tonnages of vehicles and kilometres of range are no amounts.
    """
    taken: list[tuple[int, int]] = []
    found: list[tuple[int, int, float, str]] = []

    def free(start: int, end: int) -> bool:
        return all(end <= a or start >= b for a, b in taken)

    for match in _MONEY.finditer(sentence):
        value = _scaled(match["num"], match["scale"])
        if value is None or not free(*match.span()):
            continue
        per = match["per"]
        unit = f"CNY/{_PER[per]}" if per else "CNY"
        if unit in ("CNY/year", "CNY/month"):
            unit = "CNY"
        if unit == "CNY":
            unit = _each_unit(sentence, match.start(), match.end())
        if unit == "CNY/Wh":
            unit, value = "CNY/kWh", value * 1000
        start, end = match.span()
        if match["lo"]:
            low = _scaled(match["lo"], match["ls"] or match["scale"])
            if low is not None and low < value:
                lo_end = match.start("lo") + len(match["lo"])
                found.append((start, lo_end, low, unit))
                taken.append((start, lo_end))
                start = match.start("num")
        found.append((start, end, value, unit))
        taken.append((start, end))
    for match in _PERCENT.finditer(sentence):
        value = number(match["num"] or match["cn"])
        if _INSTALMENT.search(sentence[max(0, match.start() - 14) : match.start()]) or _INSTALMENT_AFTER.match(sentence, match.end()):
            continue  # a share of a payment already counted, not a rate
        if value is not None and free(*match.span()):
            found.append((*match.span(), value, "%"))
            taken.append(match.span())
    for match in _RATIO.finditer(sentence):
        if free(*match.span()) and float(match[1]) > 0 and re.search(r"比例|配套|补|奖|匹配|按", sentence):
            found.append((*match.span(), float(match[2]) / float(match[1]), "ratio"))
            taken.append(match.span())
    for match in _COUNTED.finditer(sentence):
        if not free(*match.span()):
            continue
        value = _scaled(match["num"], match["scale"])
        before, after = sentence[: match.start()], sentence[match.end() : match.end() + 6]
        if value is None or not _is_count(match, before, after, sentence[match.end() : match.end() + 24]):
            continue
        unit = _COUNT[match["unit"]]
        if unit in ("items", "stations"):
            unit = _counted_thing(unit, before, after)
            if unit == "items":
                continue
        found.append((*match.span(), value, unit))
        taken.append(match.span())
    found.sort()
    out: list[Amount] = []
    for start, end, value, unit in found:
        role = _role(sentence, start, end, unit)
        if out and out[-1].unit == unit and _LISTED.fullmatch(sentence, out[-1].end, start):
            role = out[-1].role  # "48%和58%", "50亿元、100亿元": one list, one role
        out.append(Amount(value, unit, role, start, end))
    return out


def _each_unit(sentence: str, start: int, end: int) -> str:
    """`每千瓦给予300元`: the unit stands before the money. Looked for in the same comma clause."""
    cut = max(sentence.rfind(mark, 0, start) for mark in "，,；：:")
    if each := list(_EACH.finditer(sentence[cut + 1 : start])):
        last = each[-1]
        word = last["item"] or last["per"]
        return "CNY/" + (_EACH_UNIT.get(word) or _PER.get(word, "unit"))
    return "CNY"


def _is_count(match: re.Match[str], before: str, after: str, after_all: str) -> bool:
    """Counts that are measures: not ordinals (第3个), years, chapters, vehicle tonnage, driving range, floor numbers."""
    if before.endswith(("第", "近", "每", "〔", "L", "Ⅳ")) and before[-1:] in "第每":
        return False
    if match["num"] in ("1", "一") and not match["scale"] and re.search(r"每[一-龥]{0,2}$", before):
        return False
    digits = re.fullmatch(r"\d[\d,]*(?:\.\d+)?", match["num"]) is not None
    if not digits and match["num"] in ("一", "千", "百", "十", "两", "零") and not match["scale"]:
        return False
    if match["unit"] in ("个", "项") and not digits and not match["scale"]:
        return False
    if match["unit"] in ("公里",) and re.search(r"续驶|续航|里程|半径|时速", before[-14:]):
        return False
    if match["unit"] == "吨" and (
        re.search(r"质量|载重|整备|车重|牵引", before[-12:]) or re.match(r"(?:（含）)?(?:及)?(?:以下|以上|级)?的?[^，,。；]{0,14}车", after_all)
    ):
        return False
    if match["unit"] in ("个", "项") and re.match(r"(?:月|工作日|小时|交易日|自然日|方面|部分|阶段|百分点|试点(?!城市|县)|部门)", after):
        return False
    return True


def _counted_thing(unit: str, before: str, after: str) -> str:
    whole = before
    after = re.split("[、，,；和及与]", after)[0]
    before = re.split("[、，,；]", before)[-1]
    window = after + before[-16:]
    if re.search(r"加氢|换电站|充电站|充换电站|超充站|站", after[:6]):
        return "stations"
    if re.search(r"桩|充电设施|充电枪|终端|接口", after[:6]):
        return "piles"
    if re.search(r"加氢站|换电站|充电站|超充站", before[-10:]):
        return "stations"
    if re.search(r"桩|充电设施|终端", before[-12:]):
        return "piles"
    if unit == "stations":
        return "stations"
    if not window.strip() or not re.search(r"[一-龥]{2}", window):
        window = whole[-40:]
    if re.search(r"桩|充电设施", whole[-30:]) and not re.search(r"[一-龥]", after[:2]):
        return "piles"
    if re.search(r"停车位|泊位|车位", window):
        return "parking_spaces"
    if re.search(r"城市", after):
        return "cities"
    if re.search(r"企业|平台|中心|园区|项目|基地|实验室", after):
        return "units"
    return "items"


def _role(sentence: str, start: int, end: int, unit: str) -> str:
    """Role of an amount from the words around it, nearest first."""
    cut = max(sentence.rfind(mark, 0, start) for mark in "，,；：:（(")
    before = sentence[cut + 1 : start]
    near = sentence[max(0, start - 10) : start]
    after = sentence[end : end + 12]
    gives_later = _GIVE.search(sentence, end) is not None
    if gives_later and (_BAND.match(after + sentence[end + 12 : end + 30]) or _CAP.search(near) and re.match(r"的[，,]", after)):
        return "threshold"  # a band of prices, or a ceiling that decides who gets it
    if re.match(r"(?:（含）|\(含\))?(?:及)?(?:以上|以下|以内)?的(?:地区|企业|单位|项目|城市|车辆)[，,]", after) and (
        unit not in ("%", "ratio") and re.match(r"(?:（含）|\(含\))?(?:及)?以[上下]", after) or re.search(r"(?:低于|高于|超过|不足|达到)\s*$", before)
    ):
        return "threshold"  # it says who is meant, whatever then happens to them
    if unit == "CNY" and re.search(r"(?:总规模|首期规模|规模为|资金规模|总额为?|资金池)(?:不低于|不少于|达到?|约)?\s*$", before) and not _CAP.search(near):
        return "total"
    if gives_later and unit == "CNY" and re.match(r"(?:（含）)?(?:及)?以下的[，,](?=[^。；]*(?:给予|补贴|奖励|发放|补助))", sentence[end:]):
        return "threshold"  # "20万元以下的，给予3000元"
    if gives_later and unit == "CNY" and re.search(r"售价|车价|价格|总价|价税", before) and re.match(r"(?:（含）)?(?:及)?以下[^，,。；]{0,16}的[，,]", sentence[end : end + 30]):
        return "threshold"
    if unit == "%" and not gives_later and re.search(r"同比|增长|增幅|下降", before[-8:]):
        return "target"
    if unit not in ("%", "ratio") and unit[:3] != "CNY" and re.search(r"(?:建设|新建|建成|配建|新增|推广|投放)[^，,]*(?:不少于|不低于)\s*$", before) and not re.match(r"(?:（含）)?(?:以上)?的", after):
        return "target"
    if unit == "%" and re.search(r"持股|股权|股份|持有", before[-10:]):
        return "rate"
    if unit == "CNY" and re.search(r"(?:认缴|认购|实缴|注入)\s*$", before):
        return "total"
    if unit == "CNY" and re.search(r"(?:拟|共|合计|已|一次性)?(?:发放|拨付|下达|安排|兑付)[一-龥]{0,10}资金\s*$", before):
        return "total"
    if _CAP.search(near) or _CAP_AFTER.search(after):
        return "cap"
    if unit == "%" and re.match(r"^的?(?:比例)?(?:以上)?(?:建设|配建|预留|安装|配置|配备|采购|采用|使用|更新为)", after):
        return "target"
    if unit not in ("%", "ratio") and re.search(r"每(?:增|新增|增加|增产|超|超过|多)\S{0,4}$", before) and gives_later:
        return "threshold"
    if unit in ("%", "ratio") or unit.startswith("CNY/"):
        if unit == "%" and _THRESHOLD.search(before[-12:]) and gives_later and re.match(r"^(?:（含）)?(?:及)?(?:以上)?的", after):
            return "threshold"
        if unit == "%" and re.search(r"(?:力争|目标|占|比例|比重|占比|率|达到|不低于|超过|渗透率).{0,8}$", before) and not re.search(
            r"给予|补贴|奖励|补助|资助|支持|贴息|减半|按照?.{0,12}(?:的|比例)|退坡|下调|投资额的|费用的|价的|标准的|销售额的|投入的|投资的", before
        ) and not re.match(r"^(?:的?(?:比例)?)?(?:给予|补|奖|资助|支持)", after):
            return "target"
        if unit == "%" and _CAP.search(before):
            return "cap"
        if unit == "%" and re.search(r"不超过[^，,。；]{2,24}的\s*$", before):
            return "cap"  # "按不超过设备投资额的20%"
        return "rate"
    if (_THRESHOLD_AFTER.search(after) or _THRESHOLD.search(before)) and gives_later:
        return "threshold"
    if unit == "CNY":
        if _CAP.search(before) and not _GIVE.search(before[_CAP.search(before).end():] if _CAP.search(before) else ""):  # type: ignore[union-attr]
            return "cap"
        if re.search(r"给予|奖励|补贴|补助|资助|奖补|发放|贴息", before):
            return "rate"
        if re.search(r"(?:产值|收入|营收|规模|增加值|出口额|产业规模|集群)", before) and _TARGET.search(before) and not re.search(r"基金|资金", before):
            return "target"
        if re.match(r"^(?:现金)?(?:入股|增资|注资|出资|认购|战略投资)", after):
            return "total"
        if _TOTAL.search(before):
            return "total"
        if re.match(r"^的?(?:一次性)?(?:奖励|补贴|补助|资助|奖补|支持|补偿)", after):
            return "rate"
        if re.match(r"^.{0,8}(?:基金|专项资金|规模|项目|授信)", after):
            return "total"
        if _TARGET.search(before):
            return "target"
        return "rate"
    if re.match(r"^(?:（含）|\(含\))?(?:以上|及以上)?的", after) and gives_later:
        return "threshold"
    return "target"


# -- amounts in English -----------------------------------------------------------------------------------------
_EN_NUM = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_EN_SCALE = {"": 1.0, "k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6, "bn": 1e9, "billion": 1e9, "trillion": 1e12, "trn": 1e12}
_EN_SCALES = r"(?:thousand|million|billion|trillion|trn|bn|m|k)"
_EN_PER = {
    "kwh": "kWh", "kw": "kW", "kg": "kg", "point": "point", "pile": "pile", "charger": "pile", "vehicle": "vehicle", "car": "vehicle", "nev": "vehicle", "bev": "vehicle", "phev": "vehicle",
    "project": "project", "firm": "firm", "company": "firm", "enterprise": "firm", "person": "person", "station": "station", "bus": "vehicle", "model": "model", "wh": "Wh", "driver": "person", "set": "set",
}  # fmt: skip
_EN_PER_ALT = "|".join(sorted(_EN_PER, key=len, reverse=True))
_EN_MONEY = re.compile(
    rf"(?:(?:CNY|RMB|¥)\s*(?P<pre>{_EN_NUM})\s*(?P<ps>{_EN_SCALES})?\b|(?<![\d.,])(?:(?P<lo>{_EN_NUM})\s*(?:-|–|to)\s*)?(?P<num>{_EN_NUM})\s*(?P<scale>{_EN_SCALES})?\s*(?:yuan|RMB|CNY)\b)"
    rf"(?:\s*(?:/|per|for each|for every|a|each)\s*(?:new\s+)?(?P<per>{_EN_PER_ALT})s?\b)?",
    re.I,
)
_EN_PERCENT = re.compile(rf"(?<![\d.])(?P<num>{_EN_NUM})\s*(?:%|per ?cent\b|percent\b)", re.I)
_EN_RATIO = re.compile(r"(?<![\d.:])(\d(?:\.\d+)?)\s*:\s*(\d(?:\.\d+)?)(?![\d.:])")
_EN_THINGS = {
    "vehicles": r"(?:new[- ]energy |electric |fuel[- ]cell )?(?:vehicles?|cars?|buses|taxis|trucks)|[NB]EVs?|PHEVs?|FCVs?|EVs?",
    "piles": r"(?:public |dedicated |super ?)?charg(?:ers?|ing (?:piles?|facilities|points?|terminals?|outlets?|guns?))|piles?",
    "stations": r"(?:(?:hydrogen|swap|battery[- ]swap|super ?charging|charging(?:/swap)?|charging and swapping|refuelling|h2)\s+)*stations?",
    "GWh": r"GWh", "kWh": r"kWh", "MW": r"MW", "kW": r"kW", "km": r"km", "mu": r"mu\b", "points": r"points?", "firms": r"(?:\w+ )?(?:firms|companies)", "cities": r"cities", "counties": r"(?:pilot )?counties",
}  # fmt: skip
_EN_COUNT = re.compile(
    rf"(?<![\d.,:])(?P<num>{_EN_NUM})\s*(?P<scale>million|thousand|billion|m)?\s*(?:"
    + "|".join(f"(?P<{name}>{pattern})" for name, pattern in _EN_THINGS.items())
    + r")\b",
    re.I,
)


def amounts_en(sentence: str) -> list[Amount]:
    """All amounts of one English sentence, normalised as `amounts` does. Years, ranges in km and dates are none."""
    out: list[Amount] = []
    taken: list[tuple[int, int]] = []

    def add(value: float | None, unit: str, start: int, end: int) -> None:
        if value is not None and all(end <= a or start >= b for a, b in taken):
            taken.append((start, end))
            out.append(Amount(value, unit, _role_en(sentence, start, end, unit), start, end))

    for match in _EN_MONEY.finditer(sentence):
        num, scale = match["pre"] or match["num"], (match["ps"] or match["scale"] or "").lower()
        value = (number(num) or 0.0) * _EN_SCALE[scale]
        per = _EN_PER.get((match["per"] or "").lower())
        unit = f"CNY/{per}" if per else "CNY"
        if unit == "CNY/Wh":
            unit, value = "CNY/kWh", value * 1000
        if match["lo"]:
            low_end = match.start("lo") + len(match["lo"])
            low = (number(match["lo"]) or 0.0) * _EN_SCALE[scale]
            if 1900 < low < 2100 and low == int(low) and value > 2100:
                add(value, unit, match.start("num"), match.end())
                continue
            add(low, unit, match.start("lo"), low_end)
            add(value, unit, match.start("num"), match.end())
            continue
        add(round(value, 6), unit, *match.span())
    for match in _EN_PERCENT.finditer(sentence):
        add(number(match["num"]), "%", *match.span())
    for match in _EN_RATIO.finditer(sentence):
        if re.search(r"match|local|central|subsid|ratio|provinc|national|reward", sentence, re.I):
            add(float(match[2]) / float(match[1]), "ratio", *match.span())
    for match in _EN_COUNT.finditer(sentence):
        unit = next(name for name in _EN_THINGS if match[name])
        value = (number(match["num"]) or 0.0) * _EN_SCALE[(match["scale"] or "").lower()]
        if unit == "km" or (unit == "kW" and re.search(r">=|<|at least", sentence[max(0, match.start() - 12) : match.start()])):
            continue
        if 1990 <= value <= 2060 and not match["scale"] and "," not in match["num"]:
            continue  # "2023 NEVs-to-countryside": a year
        add(round(value, 6), unit, *match.span())
    return sorted(out, key=lambda amount: amount.start)


def _role_en(sentence: str, start: int, end: int, unit: str) -> str:
    before, after = sentence[max(0, start - 28) : start], sentence[end : end + 22]
    if re.search(r"(?:up to|cap(?:ped)?(?: at| of)?|maximum(?: of)?|no more than|not exceed\w*|at most|ceiling(?: of)?|<=)\s*(?:about )?$", before, re.I) or re.match(
        r"^\s*(?:\(?cap\b|at most|ceiling|or less)", after, re.I
    ) or re.search(r"\bcap\s*$", before, re.I):
        return "cap"
    if re.match(r"^\s*(?:in )?total\b|^\s*(?:fund|special fund|special bond)", after, re.I) or re.search(r"\b(?:fund of|total(?: of)?|budget(?: of)?|bonds? (?:of|worth)|invest\w*)\s*$", before, re.I):
        return "total"
    if re.search(r"\b(?:where|whose|if|when|once)\b[^,;]*\b(?:below|above|exceeds?|over|more than|reach(?:es)?|less than|at least)\s*$", sentence[:start], re.I):
        return "threshold"
    if re.search(r"\b(?:bring|lower|push|cut)\b[^,;]*\bprice[^,;]*\b(?:below|to|under)\s*$", sentence[:start], re.I):
        return "target"
    if unit.startswith("CNY/") or unit == "ratio":
        return "rate"
    if unit == "CNY" and re.search(r"\b(?:inject|contribut|pay in|raise capital of)\w*\s*$", before, re.I):
        return "total"
    if unit == "%" and re.search(r"\bstake\b", before + after, re.I):
        return "rate"
    if unit == "%" and re.search(r"\b(?:raise|lift|increase)\b", sentence[max(0, start - 60) : start], re.I) and re.search(r"\bto\s*(?:about |at least )?$", before, re.I):
        return "target"
    target = re.search(r"\bby (?:the end of )?20\d\d|\btarget|\bgoal|\boutput|\bsales\b|\bshare\b|\bpenetration|\bexports?\b|\breach|\bin 20\d\d|\bcluster\b", sentence, re.I)
    if unit == "%":
        if re.search(r"subsid|grant|reward|investment|equipment|cut|below|rate|cost|price|match|reduc|fall|lower", sentence, re.I):
            return "rate"
        return "target"
    if unit == "CNY":
        return "target" if target and not re.search(r"subsid|reward|grant|per\b|each\b", sentence, re.I) else "rate"
    return "target"
