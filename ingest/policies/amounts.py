"""Amounts in a Chinese sentence of a policy: money, shares, ratios, counts, each with its unit and role.

Belongs here: pure functions over a sentence. Does not belong here: which instrument the sentence is (coding.py), English sentences (amounts_en.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

import cn2an


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
_MATCHING = re.compile(r"比例|配套|补|奖|匹配|按")
_COUNTED = re.compile(rf"(?<![\d.])(?P<num>{_NUM})\s*(?P<scale>万亿|亿|万|千)?\s*(?:余|多)?\s*(?P<unit>{_COUNT_ALT})")
_EACH = re.compile(
    r"每(?:销售|生产|推广|新增|购买|采购|购置|更新|报废|投放|建设|建成|回收)?\s*(?:1|一)?\s*(?P<per>千瓦时|千瓦|公斤|千克|平方米|公里|辆|台|桩|枪|座|站|亩|积分|分|人|款|kWh|kW|度(?:电)?|吨|套|户|家|个(?P<item>充电桩|换电站|加氢站|桩|站|项目|企业|平台|车型)?)"
)
_EACH_UNIT = {"度电": "kWh", "充电桩": "pile", "桩": "pile", "换电站": "station", "加氢站": "station", "站": "station", "项目": "project", "企业": "firm", "平台": "platform", "车型": "model"}
_CAP = r"最高|不超过|上限|封顶|最多|不高于|限额|累计.{0,6}不超|至多"
_TOTAL = r"总额|总规模|规模|总投资|总计|共计|安排|筹集|设立|资金池|额度|总量|授信|募集|增资|注资|出资|投入"
_TARGET = r"达到?|力争|目标|突破|超过|超|建成|新建|建设|新增|形成|推广|增至|实现|完成|不少于|不低于|占|比例|比重|翻番"
_GIVE = re.compile(r"给予|奖励|补贴|补助|资助|奖补|支持|发放|享受|领取|贴息|补偿|返还|减免|按照?")
_LISTED = re.compile(r"\s*[、和及与]\s*")
_BAND = r"[百千万亿]*元?(?:[（(](?:不)?含[)）])?\s*(?:至|到|-|—|~)\s*[\d.]+\s*[百千万亿]*元(?:[（(](?:不)?含[)）])?(?:及)?(?:以下|以内|之间)?的"
_THRESHOLD_AFTER = r"^(?:（含）|\(含\))?(?:及)?以上(?!.{0,3}(?:给予|奖|补))|^(?:（含）|\(含\))?(?:及)?(?:以上)?的(?!奖|补|资|标准|比例|支持|幅度|一次)|^(?:（含）)?(?:以上)(?:的|，|,|、|且|\()|^以上[^，,。]{0,16}的[，,可]"
_THRESHOLD = r"(?:首次)?(?:达到|超过|突破|满|不低于|不少于|高于|大于|总投资|投资额|投资|销售额|产值|营收|营业收入)(?:首次)?(?:达到?|超过|突破|满|不低于|不少于|在)?\s*$"


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


class _Finds:
    """The amounts found in a sentence so far, with their places. A place that one kind of amount has taken is not read
    again as another kind."""

    def __init__(self) -> None:
        self.entries: list[tuple[int, int, float, str]] = []

    def free(self, match: re.Match[str]) -> bool:
        return all(match.end() <= start or match.start() >= end for start, end, _, _ in self.entries)

    def add(self, start: int, end: int, value: float, unit: str) -> None:
        self.entries.append((start, end, value, unit))


def amounts(sentence: str) -> list[Amount]:
    """All amounts of one Chinese sentence, in order, normalised: money in CNY (万, 亿 multiplied out, per kWh, kW,
    vehicle … kept as `CNY/<unit>`), shares in `%`, matches in `ratio` (local to central: 1:0.5 → 0.5), counts in
    vehicles, piles, stations, GWh … Years, dates, tonnages of vehicles and kilometres of range are no amounts.
    """
    finds = _Finds()
    for read in (_read_money, _read_shares, _read_ratios, _read_counts):
        read(sentence, finds)
    out: list[Amount] = []
    for start, end, value, unit in sorted(finds.entries):
        role = _role(sentence, start, end, unit)
        if out and out[-1].unit == unit and _LISTED.fullmatch(sentence, out[-1].end, start):
            role = out[-1].role  # "48%和58%", "50亿元、100亿元": one list, one role
        out.append(Amount(value, unit, role, start, end))
    return out


def _read_money(sentence: str, finds: _Finds) -> None:
    for match in _MONEY.finditer(sentence):
        value = _scaled(match["num"], match["scale"])
        if value is None or not finds.free(match):
            continue
        unit = _money_unit(sentence, match)
        if unit == "CNY/Wh":
            unit, value = "CNY/kWh", value * 1000
        start, end = match.span()
        if match["lo"]:  # "300-500元" is two amounts, if the first is the smaller
            low = _scaled(match["lo"], match["ls"] or match["scale"])
            if low is not None and low < value:
                finds.add(start, match.end("lo"), low, unit)
                start = match.start("num")
        finds.add(start, end, value, unit)


def _money_unit(sentence: str, match: re.Match[str]) -> str:
    """`CNY`, or `CNY/<unit>` where the unit stands behind the money or before it. A sum a year or a month is a sum."""
    per = match["per"]
    if per and _PER[per] not in ("year", "month"):
        return f"CNY/{_PER[per]}"
    return _each_unit(sentence, match.start(), match.end())


def _read_shares(sentence: str, finds: _Finds) -> None:
    for match in _PERCENT.finditer(sentence):
        value = number(match["num"] or match["cn"])
        paid_before = _INSTALMENT.search(sentence[max(0, match.start() - 14) : match.start()])
        if paid_before or _INSTALMENT_AFTER.match(sentence, match.end()):
            continue  # a share of a payment already counted, not a rate
        if value is not None and finds.free(match):
            finds.add(*match.span(), value, "%")


def _read_ratios(sentence: str, finds: _Finds) -> None:
    for match in _RATIO.finditer(sentence):
        if finds.free(match) and float(match[1]) > 0 and _MATCHING.search(sentence):
            finds.add(*match.span(), float(match[2]) / float(match[1]), "ratio")


def _read_counts(sentence: str, finds: _Finds) -> None:
    for match in _COUNTED.finditer(sentence):
        if not finds.free(match):
            continue
        value = _scaled(match["num"], match["scale"])
        before, after = sentence[: match.start()], sentence[match.end() : match.end() + 6]
        if value is None or not _is_count(match, before, after, sentence[match.end() : match.end() + 24]):
            continue
        unit = _COUNT[match["unit"]]
        if unit in ("items", "stations"):
            unit = _counted_thing(unit, before, after)
        if unit != "items":
            finds.add(*match.span(), value, unit)


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
    """What 个 and 座 count: the word behind the number says it, else the one before it, else the sentence."""
    behind = re.split("[、，,；和及与]", after)[0]
    ahead = re.split("[、，,；]", before)[-1]
    for thing, words, place in (
        ("stations", r"加氢|换电站|充电站|充换电站|超充站|站", behind),
        ("piles", r"桩|充电设施|充电枪|终端|接口", behind),
        ("stations", r"加氢站|换电站|充电站|超充站", ahead[-10:]),
        ("piles", r"桩|充电设施|终端", ahead[-12:]),
    ):
        if re.search(words, place):
            return thing
    if unit == "stations":
        return "stations"
    if not re.search(r"[一-龥]", behind[:2]) and re.search(r"桩|充电设施", before[-30:]):
        return "piles"
    around = behind + ahead[-16:]
    if not re.search(r"[一-龥]{2}", around):
        around = before[-40:]
    for thing, words, place in (
        ("parking_spaces", r"停车位|泊位|车位", around),
        ("cities", r"城市", behind),
        ("units", r"企业|平台|中心|园区|项目|基地|实验室", behind),
    ):
        if re.search(words, place):
            return thing
    return "items"


# -- roles ------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Place:
    """Where an amount stands: the words around it that tell its role."""

    kind: str  # percent | ratio | per (CNY/<unit>) | sum (CNY) | count
    before: str  # from the last comma, colon or opening bracket to the amount
    near: str  # the 10 characters before the amount, over commas too
    after: str  # the 12 characters behind it
    further: str  # the 30 characters behind it
    rest: str  # all that is behind it
    gives: bool  # whether money is given somewhere behind it


def _place(sentence: str, start: int, end: int, unit: str) -> _Place:
    cut = max(sentence.rfind(mark, 0, start) for mark in "，,；：:（(")
    kind = {"%": "percent", "ratio": "ratio", "CNY": "sum"}.get(unit) or ("per" if unit.startswith("CNY/") else "count")
    return _Place(
        kind,
        before=sentence[cut + 1 : start],
        near=sentence[max(0, start - 10) : start],
        after=sentence[end : end + 12],
        further=sentence[end : end + 30],
        rest=sentence[end:],
        gives=_GIVE.search(sentence, end) is not None,
    )


@dataclass(frozen=True)
class _RoleRule:
    """An amount has `role` if its kind is one of `kinds` and every condition that is given holds. Conditions are
    regular expressions: looked for anywhere in `before`, and from the first character on in what stands behind the
    amount."""

    role: str
    why: str
    kinds: tuple[str, ...]
    gives: bool | None = None  # None: it does not matter whether money is given behind it
    before: str = ""
    and_before: str = ""
    not_before: str = ""
    near: str = ""
    not_near: str = ""
    after: str = ""
    not_after: str = ""
    further: str = ""
    rest: str = ""

    def applies(self, place: _Place) -> bool:
        if place.kind not in self.kinds or self.gives not in (None, place.gives):
            return False
        return all(
            (words.search(getattr(place, where)) is not None) is wanted for where, words, wanted in self._conditions
        )

    @cached_property
    def _conditions(self) -> tuple[tuple[str, re.Pattern[str], bool], ...]:
        """(field of `_Place`, words, whether they must stand there or must not) of each condition that is given."""
        anywhere = (
            ("before", self.before, True), ("before", self.and_before, True), ("before", self.not_before, False),
            ("near", self.near, True), ("near", self.not_near, False),
        )  # fmt: skip
        from_the_first_on = (
            ("after", self.after, True), ("after", self.not_after, False),
            ("further", self.further, True), ("rest", self.rest, True),
        )  # fmt: skip
        return (
            *((where, re.compile(words), wanted) for where, words, wanted in anywhere if words),
            *((where, re.compile(rf"\A(?:{words})"), wanted) for where, words, wanted in from_the_first_on if words),
        )


def _last(length: int, words: str) -> str:
    """Words that begin within the last `length` characters."""
    return rf"(?=(?s:.{{0,{length}}})\Z)(?:{words})"


_ANY = ("percent", "ratio", "per", "sum", "count")
_SHARE_OR_RATE = ("percent", "ratio", "per")
_NOT_A_SHARE = ("per", "sum", "count")
_PERCENT_ONLY = ("percent",)
_SUM = ("sum",)
_COUNT_ONLY = ("count",)
_WHO = r"的(?:地区|企业|单位|项目|城市|车辆)[，,]"
#: the first word of a ceiling, and no word of giving behind it
_CAP_ALONE = rf"\A(?>(?s:.*?)(?:{_CAP}))(?!(?s:.*?)(?:{_GIVE.pattern}))"

#: What makes a role, nearest and surest words first: the first rule that applies decides. Every kind ends in a rule
#: without a condition.
_ROLES = (
    # who is meant, whatever then happens to them
    _RoleRule("threshold", "a band of prices that decides who gets it", _ANY, gives=True, further=_BAND),
    _RoleRule("threshold", "a ceiling that decides who gets it", _ANY, gives=True, near=_CAP, after=r"的[，,]"),
    _RoleRule("threshold", "500万元以上的企业，: those meant", _NOT_A_SHARE, after=rf"(?:（含）|\(含\))?(?:及)?(?:以上|以下){_WHO}"),
    _RoleRule("threshold", "低于50%的地区，: those meant", _ANY, before=r"(?:低于|高于|超过|不足|达到)\s*$",
              after=rf"(?:（含）|\(含\))?(?:及)?(?:以上|以下|以内)?{_WHO}"),
    _RoleRule("total", "the size of a fund", _SUM, not_near=_CAP,
              before=r"(?:总规模|首期规模|规模为|资金规模|总额为?|资金池)(?:不低于|不少于|达到?|约)?\s*$"),
    _RoleRule("threshold", "20万元以下的，给予3000元", _SUM, gives=True, rest=r"(?:（含）)?(?:及)?以下的[，,](?=[^。；]*(?:给予|补贴|奖励|发放|补助))"),
    _RoleRule("threshold", "a price below which it is given", _SUM, gives=True, before=r"售价|车价|价格|总价|价税",
              further=r"(?:（含）)?(?:及)?以下[^，,。；]{0,16}的[，,]"),
    # fixed expressions before the amount
    _RoleRule("target", "growth, and nothing is given", _PERCENT_ONLY, gives=False, before=_last(8, "同比|增长|增幅|下降")),
    _RoleRule("target", "a least number to be built", _COUNT_ONLY, not_after=r"(?:（含）)?(?:以上)?的",
              before=r"(?:建设|新建|建成|配建|新增|推广|投放)[^，,]*(?:不少于|不低于)\s*$"),
    _RoleRule("rate", "a stake in a firm", _PERCENT_ONLY, before=_last(10, "持股|股权|股份|持有")),
    _RoleRule("total", "capital paid in", _SUM, before=r"(?:认缴|认购|实缴|注入)\s*$"),
    _RoleRule("total", "a budget that was paid out", _SUM, before=r"(?:拟|共|合计|已|一次性)?(?:发放|拨付|下达|安排|兑付)[一-龥]{0,10}资金\s*$"),
    _RoleRule("cap", "a ceiling right before it", _ANY, near=_CAP),
    _RoleRule("cap", "a ceiling right behind it", _ANY, after=r"封顶|以内|以下|为上限|的?上限|（含）以内|\(含\)以内"),
    _RoleRule("target", "a share to be built, kept or bought", _PERCENT_ONLY,
              after=r"的?(?:比例)?(?:以上)?(?:建设|配建|预留|安装|配置|配备|采购|采用|使用|更新为)"),
    _RoleRule("threshold", "每增加1000辆，奖励…: a step", _NOT_A_SHARE, gives=True, before=r"每(?:增|新增|增加|增产|超|超过|多)\S{0,4}$"),
    # shares and rates
    _RoleRule("threshold", "a share from which on it is given", _PERCENT_ONLY, gives=True, before=_last(12, _THRESHOLD),
              after=r"(?:（含）)?(?:及)?(?:以上)?的"),
    _RoleRule("target", "a share to be reached, of no support", _PERCENT_ONLY,
              before=r"(?:力争|目标|占|比例|比重|占比|率|达到|不低于|超过|渗透率).{0,8}$",
              not_before=r"给予|补贴|奖励|补助|资助|支持|贴息|减半|按照?.{0,12}(?:的|比例)|退坡|下调|投资额的|费用的|价的|标准的|销售额的|投入的|投资的",
              not_after=r"(?:的?(?:比例)?)?(?:给予|补|奖|资助|支持)"),
    _RoleRule("cap", "a ceiling further before it: 按不超过设备投资额的20%", _PERCENT_ONLY, before=_CAP),
    _RoleRule("rate", "any other share, ratio or sum for a unit", _SHARE_OR_RATE),
    # sums and counts
    _RoleRule("threshold", "from which on it is given, said behind it", ("sum", "count"), gives=True, after=_THRESHOLD_AFTER),
    _RoleRule("threshold", "from which on it is given, said before it", ("sum", "count"), gives=True, before=_THRESHOLD),
    _RoleRule("cap", "a ceiling, and no gift after that word", _SUM, before=_CAP_ALONE),
    _RoleRule("rate", "a gift", _SUM, before=r"给予|奖励|补贴|补助|资助|奖补|发放|贴息"),
    _RoleRule("target", "output to be reached, not money to be spent", _SUM,
              before=r"(?:产值|收入|营收|规模|增加值|出口额|产业规模|集群)", and_before=_TARGET, not_before=r"基金|资金"),
    _RoleRule("total", "capital that is paid in", _SUM, after=r"(?:现金)?(?:入股|增资|注资|出资|认购|战略投资)"),
    _RoleRule("total", "a word of a total", _SUM, before=_TOTAL),
    _RoleRule("rate", "100万元的奖励", _SUM, after=r"的?(?:一次性)?(?:奖励|补贴|补助|资助|奖补|支持|补偿)"),
    _RoleRule("total", "100亿元的基金", _SUM, after=r".{0,8}(?:基金|专项资金|规模|项目|授信)"),
    _RoleRule("target", "a word of a goal", _SUM, before=_TARGET),
    _RoleRule("threshold", "5000辆以上的，奖励…", _COUNT_ONLY, gives=True, after=r"(?:（含）|\(含\))?(?:以上|及以上)?的"),
    _RoleRule("rate", "any other sum", _SUM),
    _RoleRule("target", "any other count", _COUNT_ONLY),
)  # fmt: skip


def _role(sentence: str, start: int, end: int, unit: str) -> str:
    """Role of an amount from the words around it, nearest first."""
    place = _place(sentence, start, end, unit)
    return next(rule.role for rule in _ROLES if rule.applies(place))
