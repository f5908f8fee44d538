"""What the cell of a typed column may hold, and what is kept of one that holds anything else.

Belongs here: which columns of the inbox are typed (dates, numbers, sums, codes, words of a list), and the shape of each.
Does not belong here: whether a value of the right shape is right (judge.py), nor the patterns of free text (ingest.text.scrub).

Why a wrong cell is not kept. No pattern tells the name of a person from other words, so a name that slipped into `founded`
would be stored, and quoted to readers with the reason why the record was held. A free text (a name, an address, a scope, a
title) is kept for its own sake and goes through `redact`. A typed cell that has not even the letters of its type holds no
value worth keeping: its record is held whatever it says, and whoever wrote it finds it again by file, record and column. So
the raw form keeps `[3字已隐去]` in its place, the length and nothing else (a digest of a name or of a telephone number is
found by trying them all), with one sign for each kind of damage, so that the form is judged as the file was: by the same
rules, with the same reason. A wrong value of the right shape (30 February, a check digit) stays as it was written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping

from ingest.text.coordinates import NAMES
from ingest.text.identifiers import clean_code, is_registration_number, is_uscc
from ingest.text.scrub import is_mobile_number, redact
from ingest.text.values import CURRENCIES, NULLS, SCALES, fold

_DATE = re.compile(r"[0-9\s./:年月日号TZ+-]{1,40}")
_NUMBER = re.compile(r"[0-9\s.,eE%+-]{1,40}")
_BATCH = re.compile(r"第?[0-9\s.批次]{1,20}")
_WORDS = "|".join(re.escape(w) for w in sorted({*CURRENCIES, *SCALES, "元", "圆", "整"}, key=len, reverse=True))
_AMOUNT = re.compile(rf"(?:[0-9\s.,e+\-()（）\[\]【】:：]|{_WORDS}){{1,60}}", re.I)
_USCC = re.compile(r"[0-9A-Z]{2}[0-9]{6}[0-9A-Z]{10}")
_LEI = re.compile(r"(?=(?:[A-Z]*[0-9]){6})[0-9A-Z]{18}[0-9]{2}")
_ADCODE = re.compile(r"[0-9]{1,12}(?:\.0)?")
_STOCK = re.compile(r"[A-Z]{0,2}[.:]?[0-9]{1,6}(?:\.[A-Z]{2,4})?|[A-Z][A-Z.]{0,7}", re.I)


def _date(text: str) -> bool:
    # a code in a column of dates tells that the columns are shifted
    return _DATE.fullmatch(fold(text)) is not None or is_uscc(clean_code(text))


def _number(text: str) -> bool:
    return _NUMBER.fullmatch(fold(text)) is not None and not is_mobile_number(text.rstrip("% "))


def _batch(text: str) -> bool:
    return _BATCH.fullmatch(fold(text)) is not None


_LETTERS = re.compile(r"[^0-9.,eE+\-\s]")


def _amount(text: str) -> bool:
    value = fold(text)
    return _AMOUNT.fullmatch(value) is not None and not is_mobile_number(_LETTERS.sub("", value))


def _uscc(text: str) -> bool:
    code = clean_code(text)
    return _USCC.fullmatch(code) is not None or is_registration_number(code)


def _lei(text: str) -> bool:
    return _LEI.fullmatch(clean_code(text)) is not None


def _adcode(text: str) -> bool:
    return _ADCODE.fullmatch(clean_code(text)) is not None


def _stock(text: str) -> bool:
    return _STOCK.fullmatch(fold(text)) is not None


def _crs(text: str) -> bool:
    return "".join(c for c in fold(text).lower() if c not in " -_:.()") in NAMES


def word_of(words: Container[str]) -> Callable[[str], bool]:
    """Whether a text is one of the words, as judging folds it."""
    return lambda text: fold(text).lower() in words


Shape = Callable[[str], bool]

#: Shapes by the name of the column, in every kind that has it; words of a list are judge.py's.
SHAPES: dict[str, Shape] = {
    **dict.fromkeys(
        ("founded_on", "closed_on", "listed_on", "published_on", "stopped_making_on", "stopped_selling_on", "issue_date",
         "valid_from", "valid_to", "as_of", "year", "opened_year", "closed_year", "converted_year"), _date),
    **dict.fromkeys(("capacity", "output", "longitude", "latitude", "employees", "share"), _number),
    **dict.fromkeys(("uscc", "child_uscc", "parent_uscc"), _uscc),
    **dict.fromkeys(("lei", "child_lei", "parent_lei"), _lei),
    **dict.fromkeys(("city_adcode", "adcode"), _adcode),
    "registered_capital": _amount, "batch": _batch, "crs": _crs,
}  # fmt: skip
#: Columns whose shape is one in some kinds only: elsewhere they are free text.
BY_KIND: dict[str, dict[str, Shape]] = {"listed_companies": {"stock_code": _stock}}

_SIGNS = re.compile("[\ud800-\udfff]"), re.compile("\ufffd"), re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


_MARKER = re.compile("\\[[0-9]{1,7}字已隐去\\](?:锟斤拷|[\ud800-\udfff\ufffd\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f])?")


def kept(shape: Shape, text: str, is_mojibake: Callable[[str], bool]) -> str:
    """A typed cell as the raw form keeps it: the text where it has the shape of its column or means unknown, else its length
    and a sign of its damage."""
    if shape(text) or text.strip().lower() in NULLS or fold(text).lower() in NULLS:
        said = f"{text}元" if shape in (_number, _amount) else text  # a round number of such a column is an amount
        if redact(said) == said:
            return text
    elif _MARKER.fullmatch(text):  # scrubbed before
        return text
    surrogate, lost, control = (found.search(text) for found in _SIGNS)
    if surrogate:
        sign = surrogate[0]
    elif is_mojibake(text):
        sign = "锟斤拷"
    else:
        sign = lost[0] if lost else control[0] if control else ""
    return f"[{len(text)}字已隐去]{sign}"


#: For the engine of Polars, for the columns of `firms`: a cell that matches has the shape for certain. It may miss some.
PLAIN: Mapping[str, str] = {
    column: f"^(?:{shape}|N/A|-|)$"
    for column, shape in {
        **dict.fromkeys(("founded_on", "closed_on", "as_of"), "[0-9]{4}-[0-9]{2}-[0-9]{2}"),
        "uscc": "[0-9A-Z]{2}[0-9]{6}[0-9A-Z]{10}",
        "city_adcode": "[0-9]{6}",
        "registered_capital": rf"[0-9]{{1,9}}(?:\.[0-9]{{1,9}})?[(（]?(?:{_WORDS}){{0,3}}[)）]?",
    }.items()
}
