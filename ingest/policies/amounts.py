"""Amounts in a Chinese sentence of a policy: money, shares, ratios, counts, each with its unit and role.

Belongs here: pure functions over a sentence. Does not belong here: which instrument the sentence is (coding.py), English sentences (amounts_en.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

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
