"""Values as registries write them: dates with their precision, sums of money with unit and currency, numbers.

Belongs here: one text in, one typed value out, or ValueError, which says what was expected and never quotes the text (it may
be a person's name). Does not belong here: what a missing or wrong value means for its record.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from typing import NamedTuple

#: Words that stand for "not known" in registries and spreadsheets (never applied to names).
NULLS = frozenset(
    {"", "-", "--", "---", "—", "——", "/", "\\", "n/a", "na", "nan", "null", "none", "nil", "#n/a", "无", "暂无",
     "未知", "不详", "未公开", "未公示", "空", "暂无数据", "\\n"}
)  # fmt: skip
#: As above but without the words that a number column must not swallow: NaN in a number is a fault, not a gap.
NUMBER_NULLS = NULLS - {"nan"}


#: The calendar of every day that the atlas judges or states: its subject, its publishers and most who bring files live by it.
CHINA = dt.timezone(dt.timedelta(hours=8), "Asia/Shanghai")


def china_day(moment: dt.datetime) -> dt.date:
    """The day in China (UTC+8, no summer time since 1991) at a moment that carries its offset. Raises ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} carries no offset: its day is not known")
    return moment.astimezone(CHINA).date()


def fold(text: str) -> str:
    """NFKC without format characters (bidi marks, zero-width blanks) and without blanks at the ends."""
    folded = unicodedata.normalize("NFKC", text)
    if not folded.isascii():
        folded = "".join(c for c in folded if unicodedata.category(c) != "Cf")
    return folded.strip()


_CJK = r"\u2e80-\u9fff\uf900-\ufaff"
_BLANKS = re.compile(r"\s+")
_CJK_BLANK = re.compile(rf"(?<=[{_CJK}()]) (?=\S)|(?<=\S) (?=[{_CJK}()])")


def folded_name(text: str) -> str:
    """A name in one spelling of its characters: NFKC, format characters gone, blanks collapsed (none beside Chinese signs), capitals.
    Whether two names are one firm's is another question: the dbt macro `name_key` answers it."""
    return _CJK_BLANK.sub("", _BLANKS.sub(" ", fold(text))).upper()


class PartialDate(NamedTuple):
    """A date as far as it is known: ISO text (`2023`, `2023-02` or `2023-02-28`) and its precision."""

    iso: str
    precision: str  # day, month, year


_DATE = re.compile(
    r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*(?:[-/.月]\s*(\d{1,2})\s*日?)?月?"
    r"(?:[T ]\s*\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?"
)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_YEAR = re.compile(r"(\d{4})\s*年?(?:\.0)?")
#: What programs write when they had no date: the zero of Excel, of SQL Server, of Windows.
SENTINELS = frozenset({"1899-12-30", "1899-12-31", "1900-01-01", "1753-01-01", "1601-01-01"})
FIRST_YEAR = 1840


DATE_FORMS = "expected a form such as 2023-02-28, 20230228, 2023年2月28日, 2023-02, 2023"


class FutureDate(ValueError):
    """A date after the day on which the file was read."""


def parse_date(text: str, today: dt.date | None = None, first_year: int = FIRST_YEAR) -> PartialDate | None:
    """A date of day, month or year precision: `2023-02-28`, `2023/2/28`, `20230228`, `2023年2月28日`, `2023年2月`,
    `2023`. None for a word that means unknown. Raises FutureDate when it lies after `today` (if given), and
    ValueError for what is no date: 30 February, a year before `first_year`, an Excel serial number, a
    day-month-year order that may be either."""
    value = fold(text)
    if value.lower() in NULLS:
        return None
    month: int | None = None
    day: int | None = None
    if match := _YEAR.fullmatch(value):
        year = int(match[1])
    elif match := _DATE.fullmatch(value) or _COMPACT.fullmatch(value):
        year, month, day = int(match[1]), int(match[2]), int(match[3]) if match[3] else None
    else:
        raise ValueError(f"no date; {DATE_FORMS}")
    if month is not None and not 1 <= month <= 12:
        raise ValueError("no such month")
    try:
        start = dt.date(year, month or 1, day or 1)
    except ValueError:  # year 0, 30 February
        raise ValueError("no such day") from None
    iso = f"{year:04d}" + (f"-{month:02d}" if month else "") + (f"-{day:02d}" if day else "")
    if year < first_year or iso in SENTINELS:
        raise ValueError(f"a placeholder, or before {first_year}")
    if today is not None and start > today:
        raise FutureDate("after the day on which the file was read")
    return PartialDate(iso, "day" if day else "month" if month else "year")


class Amount(NamedTuple):
    """A sum of money: `value` in units of `currency` (yuan, dollars), and whether its unit was written."""

    value: float
    currency: str
    unit_stated: bool


CURRENCIES = {
    "人民币": "CNY", "rmb": "CNY", "cny": "CNY", "¥": "CNY", "美元": "USD", "美金": "USD", "usd": "USD", "us$": "USD",
    "$": "USD", "港币": "HKD", "港元": "HKD", "香港元": "HKD", "hkd": "HKD", "hk$": "HKD", "欧元": "EUR", "eur": "EUR",
    "€": "EUR", "日元": "JPY", "日币": "JPY", "jpy": "JPY", "英镑": "GBP", "gbp": "GBP",
    "德国马克": "DEM", "马克": "DEM",
    "法国法郎": "FRF", "法郎": "FRF", "瑞士法郎": "CHF", "瑞典克朗": "SEK", "新加坡元": "SGD", "新加坡币": "SGD",
    "新元": "SGD", "sgd": "SGD", "台币": "TWD", "新台币": "TWD", "台湾元": "TWD", "twd": "TWD", "澳门元": "MOP",
    "澳门币": "MOP", "葡币": "MOP", "韩元": "KRW", "韩国元": "KRW", "韩币": "KRW", "krw": "KRW", "澳元": "AUD",
    "澳大利亚元": "AUD", "澳币": "AUD", "加元": "CAD", "加拿大元": "CAD", "加币": "CAD", "泰铢": "THB",
    "荷兰盾": "NLG", "意大利里拉": "ITL", "里拉": "ITL", "比利时法郎": "BEF", "奥地利先令": "ATS",
    "马来西亚元": "MYR", "马来西亚林吉特": "MYR", "新西兰元": "NZD", "卢布": "RUB",
}  # fmt: skip
SCALES = {"万亿": 1e12, "千亿": 1e11, "百亿": 1e10, "十亿": 1e9, "亿": 1e8, "千万": 1e7, "百万": 1e6, "十万": 1e5,
          "万": 1e4, "仟": 1e3, "千": 1e3, "百": 1e2}  # fmt: skip
_CURRENCY = re.compile("|".join(re.escape(w) for w in sorted(CURRENCIES, key=len, reverse=True)))
_SCALE = re.compile("|".join(sorted(SCALES, key=len, reverse=True)))
_NUMBER = r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|[+-]?\.\d+"
_AMOUNT = re.compile(rf"([^\d.+-]*)({_NUMBER})([^\d]*)")
LARGEST = {"CNY": 1e13}  # the largest registered capital of a Chinese firm is 1.7e12 yuan
LARGEST_OTHER = 1e16
BARE_UNIT = 1e4  # registries write 注册资本 in 万元; a bare number is read so, and said to be assumed


def parse_amount(text: str, unit: str = "", bare_unit: float = BARE_UNIT) -> Amount | None:
    """A sum of money in any of the registries' spellings: `5000(万元人民币)`, `500万美元`, `2亿元`, `人民币100万元`.

    `unit` is what the column's header says (`万元`), used where the cell has none; without either, the number
    counts `bare_unit` yuan and `unit_stated` is False. None for a word that means unknown. Raises ValueError
    for what is no plain number (NaN, infinity, 1e999, words), negative, or beyond belief."""
    value = fold(text).lower()
    if value in NUMBER_NULLS:
        return None
    match = _AMOUNT.fullmatch(value)
    if match is None:
        raise ValueError("no amount; expected a number with its unit, such as 5000万元 or 200万美元")
    number = float(match[2].replace(",", ""))
    words = _strip_brackets(match[1] + match[3]) or _strip_brackets(fold(unit).lower())
    scale, currency, rest = 1.0, "CNY", words
    if found := _CURRENCY.search(rest):
        currency, rest = CURRENCIES[found[0]], rest[: found.start()] + rest[found.end() :]
    if found := _SCALE.search(rest):
        scale, rest = SCALES[found[0]], rest[: found.start()] + rest[found.end() :]
    if rest not in ("", "元", "圆", "整", "元整"):
        raise ValueError("no unit of money; expected one such as 元, 万元, 亿元, 万美元")
    if not words:
        scale = bare_unit
    amount = number * scale
    if not 0 <= amount <= LARGEST.get(currency, LARGEST_OTHER):
        raise ValueError("negative, or beyond belief")
    return Amount(amount, currency, bool(words))


def _strip_brackets(text: str) -> str:
    return re.sub(r"[()（）\[\]【】:：\s]", "", text)


_PLAIN = re.compile(rf"(?:{_NUMBER})(?:e[+-]?\d{{1,2}})?")


def parse_number(text: str, least: float = -1e15, most: float = 1e15) -> float | None:
    """A plain decimal number within bounds; None for a word that means unknown. Raises ValueError otherwise."""
    value = fold(text).lower()
    if value in NUMBER_NULLS:
        return None
    if not _PLAIN.fullmatch(value):
        raise ValueError("no plain number; expected one such as 1234.5")
    number = float(value.replace(",", ""))
    if not least <= number <= most:
        raise ValueError(f"outside {least:g} to {most:g}")
    return number


def parse_year(text: str, first: int = FIRST_YEAR, last: int = 2100) -> int | None:
    """A year; also the year of a full date. None for unknown; ValueError otherwise."""
    found = parse_date(text, first_year=first)
    if found is None:
        return None
    year = int(found.iso[:4])
    if year > last:
        raise FutureDate(f"after {last}")
    return year


#: How many months of a year a word says that a figure covers; what is not here is no period.
_MONTH = {m: i for i, m in enumerate(("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1)}
_NUMERAL = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11,
            "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9, "十": 10, "十一": 11}  # fmt: skip
_COUNT = r"(\d{1,2}|" + "|".join(sorted(_NUMERAL, key=len, reverse=True)) + ")"
_TO = r"(?:\s|-|–|—|~|～|至|到|to|through|until)+"
_PART_OF_YEAR: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(rf"(?<!\d)0?1月?份?{_TO}(\d{{1,2}})\s*月"), "months"),  # 1-11月, 1月至11月
    (re.compile(rf"\bjan(?:uary)?\.?{_TO}({'|'.join(_MONTH)})[a-z]*\b"), "month"),  # Jan-Nov, January to November
    (re.compile(rf"(?:前|首){_COUNT}\s*个?月|\b(?:first|for|in|of)\s+{_COUNT}\s+months\b|^{_COUNT}[\s-]*months?$"), "months"),
    (re.compile(r"^(\d{1,2})\s*m$"), "months"),  # 11m, as the files fold it into the metric
    (re.compile(rf"(?:前|首){_COUNT}个?季度|\bfirst\s+{_COUNT}\s+quarters\b"), "quarters"),
    (re.compile(r"^q1[\s-]*q([1-4])$"), "quarters"),
    (re.compile(r"一季度|\bfirst quarter\b|^q1$"), "3m"),
    (re.compile(r"上半年|\bfirst half\b|\bhalf[- ]year\b|\bh1\b"), "h1"),
    (re.compile(r"\byear[- ]to[- ]date\b|\bytd\b|年初至|今年以来"), "ytd"),
)


def part_of_year(text: str | None) -> str | None:
    """The part of a year that a text says its figure covers, counted from January: "3m" to "11m", "h1" (six months),
    "ytd" (to a date that is not told); None where it names none, and for twelve months, which are the year."""
    said = fold(text or "").lower().strip()
    for pattern, kind in _PART_OF_YEAR:
        found = pattern.search(said)
        if found is None:
            continue
        if kind not in ("months", "month", "quarters"):
            return kind
        word = next(group for group in found.groups() if group)
        number = _MONTH[word] if kind == "month" else int(word) if word.isdigit() else _NUMERAL[word]
        months = 3 * number if kind == "quarters" else number
        return None if months >= 12 else "h1" if months == 6 else f"{months}m"
    return None


_BATCH = re.compile(r"第?\s*(\d{1,4})\s*(?:批次?|\.0)?")


def parse_batch(text: str) -> int | None:
    """The number of a batch: 第12批, 12, 12.0; None where there is none."""
    found = _BATCH.fullmatch(fold(text))
    return int(found[1]) if found else None


TRUE = {"true", "t", "yes", "y", "1", "1.0", "是", "有", "真"}
FALSE = {"false", "f", "no", "n", "0", "0.0", "否", "假"}


def parse_bool(text: str) -> bool | None:
    """Yes or no, in English or Chinese; None for unknown; ValueError otherwise."""
    value = fold(text).lower()
    if value in TRUE:
        return True
    if value in FALSE:
        return False
    if value in NULLS:
        return None
    raise ValueError("neither yes nor no")
