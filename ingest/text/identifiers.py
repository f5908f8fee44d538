"""Identifiers of firms and places: unified social credit codes, LEIs, administrative division codes.

Belongs here: the check digits and the parts of a code, one value at a time and by whole Polars columns.
Does not belong here: which city a code means in a given year (the seeds and dbt know that), nor any firm.

Sources of the methods: GB 32100-2015 (unified social credit code; weights 3^i mod 31), GS 15-2006 (the
15-digit registration number before it; ISO 7064 MOD 11,10), ISO 17442 (LEI; ISO 7064 MOD 97-10), GB/T 2260.
"""

from __future__ import annotations

import unicodedata

import numpy as np
import polars as pl

USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # no I, O, S, V, Z
USCC_WEIGHTS = tuple(pow(3, i, 31) for i in range(17))
_USCC_VALUE = {char: value for value, char in enumerate(USCC_ALPHABET)}
MUNICIPALITIES = ("11", "12", "31", "50")  # Beijing, Tianjin, Shanghai, Chongqing: cities and provinces at once


def clean_code(text: str) -> str:
    """A code as it is meant: full-width forms folded (NFKC), invisible characters, blanks and hyphens gone,
    upper case. Letters of other alphabets stay what they are, so that look-alikes fail the check."""
    folded = unicodedata.normalize("NFKC", text)
    return "".join(c for c in folded if not c.isspace() and c != "-" and unicodedata.category(c) != "Cf").upper()


def uscc_check_char(body: str) -> str:
    """The 18th character for the first 17 of a code. Raises ValueError for a character outside the alphabet."""
    if len(body) != 17 or any(c not in _USCC_VALUE for c in body):
        raise ValueError("a unified social credit code has 17 characters of its alphabet before the check digit")
    total = sum(_USCC_VALUE[c] * w for c, w in zip(body, USCC_WEIGHTS, strict=True))
    return USCC_ALPHABET[(31 - total % 31) % 31]


def is_uscc(code: str) -> bool:
    """Whether `code` (already clean) is a unified social credit code with the right check digit."""
    if len(code) != 18 or any(c not in _USCC_VALUE for c in code) or not code[2:8].isdigit():
        return False
    return uscc_check_char(code[:17]) == code[17]


def uscc_office(code: str) -> str:
    """Six digits of the office that registered the firm; it stays when the firm moves. Not always a division
    of GB/T 2260: city bureaus and development zones have codes of their own."""
    return code[2:8]


def uscc_prefecture(code: str) -> str:
    """The prefecture part of a code as a six-digit adcode: `440300` for a Shenzhen firm. Municipalities are
    one city (`310000`). "" where the office is the nation's or a province's, which tells no city."""
    return prefecture_of(uscc_office(code))


def is_registration_number(code: str) -> bool:
    """Whether `code` is a 15-digit registration number of the time before 2015 (ISO 7064 MOD 11,10)."""
    if len(code) != 15 or not (code.isascii() and code.isdigit()):
        return False
    check = 10
    for char in code[:14]:
        check = (check + int(char)) % 10 or 10
        check = check * 2 % 11
    return (check + int(code[14])) % 10 == 1


def is_lei(code: str) -> bool:
    """Whether `code` (already clean) is an LEI: 18 letters or digits and two check digits, MOD 97 = 1."""
    if len(code) != 20 or not code.isascii() or not code.isalnum() or not code[18:].isdigit():
        return False
    return int("".join(str(int(c, 36)) for c in code.upper())) % 97 == 1


def normalise_adcode(text: str) -> str:
    """A division code as six digits: `4403`, `440300.0` and the twelve-digit `440300000000` give `440300`.
    Raises ValueError for anything else, and for a first pair of digits that is no province."""
    code = clean_code(text).removesuffix(".0")
    if not (code.isascii() and code.isdigit()) or len(code) not in (2, 4, 6, 9, 12):
        raise ValueError("no division code; expected 2, 4, 6, 9 or 12 digits")
    code = code[:6].ljust(6, "0")
    if not ("11" <= code[:2] <= "82" or code == "100000"):
        raise ValueError("a division code of no province")
    return code


def prefecture_of(adcode: str) -> str:
    """The prefecture-level city of a six-digit code, "" where the code is the nation's or a province's."""
    if adcode[:2] in MUNICIPALITIES:
        return adcode[:2] + "0000"
    return "" if adcode[2:4] == "00" else adcode[:4] + "00"


# -- whole columns ---------------------------------------------------------------------------------------
_TABLE = np.full(256, 255, dtype=np.uint8)
for _char, _value in _USCC_VALUE.items():
    _TABLE[ord(_char)] = _value
_WEIGHTS = np.array([*USCC_WEIGHTS, 1], dtype=np.uint16)


def uscc_valid_series(codes: pl.Series) -> pl.Series:
    """Check digits of a whole column of clean codes; null for null. About three million codes a second a core."""
    fits = (codes.str.len_bytes() == 18).fill_null(False)
    out = np.zeros(len(codes), dtype=bool)
    if fits.any():
        some = codes.filter(fits)
        chars = np.frombuffer(some.str.join("").item().encode("utf-8"), dtype=np.uint8).reshape(-1, 18)
        values = _TABLE[chars]
        known = (values != 255).all(axis=1) & (values[:, 2:8] < 10).all(axis=1)
        # the weighted sum with the check digit itself at weight one is a multiple of 31
        total = np.where(values == 255, 0, values).astype(np.uint16) @ _WEIGHTS
        out[fits.to_numpy()] = known & (total % 31 == 0)
    return pl.select(pl.when(codes.is_null()).then(None).otherwise(pl.Series(out))).to_series().alias(codes.name)


def uscc_valid(column: str | pl.Expr) -> pl.Expr:
    """The same as an expression: true, false, or null for each clean code of `column`."""
    expr = pl.col(column) if isinstance(column, str) else column
    return expr.map_batches(uscc_valid_series, return_dtype=pl.Boolean, is_elementwise=True)


def uscc_prefecture_expr(column: str | pl.Expr) -> pl.Expr:
    """`uscc_prefecture` for a column of valid codes; null where the office tells no city."""
    code = pl.col(column) if isinstance(column, str) else column
    province = code.str.slice(2, 2)
    return (
        pl.when(province.is_in(MUNICIPALITIES))
        .then(province + "0000")
        .when(code.str.slice(4, 2) != "00")
        .then(code.str.slice(2, 4) + "00")
        .otherwise(None)
    )
