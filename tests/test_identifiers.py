"""Identifiers against python-stdnum, against published codes, and scalar against vectorised.

Belongs here: check digits and adcodes. Does not belong here: where a firm is (dbt's tests).
"""

from __future__ import annotations

import random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import lei as stdnum_lei
from stdnum.cn import uscc as stdnum_uscc

from ingest.text.identifiers import (
    USCC_ALPHABET,
    clean_code,
    is_lei,
    is_registration_number,
    is_uscc,
    normalise_adcode,
    prefecture_of,
    uscc_check_char,
    uscc_prefecture,
    uscc_prefecture_expr,
    uscc_valid,
)
from tests.registers import old_number, registrations

BODIES = st.tuples(
    st.sampled_from("1259AY"), st.sampled_from("123"), st.text("0123456789", min_size=6, max_size=6),
    st.text(USCC_ALPHABET, min_size=9, max_size=9),
).map("".join)  # fmt: skip


def test_published_codes():
    assert is_uscc("91440300192317458F")  # BYD
    assert is_uscc("914403001922038216")
    assert not is_uscc("91440300192317458E")
    assert not is_uscc("91О40300192317458F")  # a Cyrillic letter
    assert not is_uscc("914403001923l7458F")
    assert is_lei("3003EXAMPLEEV0000133")
    assert not is_lei("3003EXAMPLEEV0000134")


@given(BODIES)
def test_uscc_agrees_with_stdnum(body: str):
    code = body + uscc_check_char(body)
    assert is_uscc(code)
    assert stdnum_uscc.calc_check_digit(code[:17]) == code[17]


@given(BODIES, st.integers(0, 17), st.sampled_from(USCC_ALPHABET))
def test_one_mutation_is_always_caught(body: str, place: int, char: str):
    code = body + uscc_check_char(body)
    mutated = code[:place] + char + code[place + 1 :]
    assert is_uscc(mutated) == (mutated == code)


@given(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=18, max_size=18), st.integers(0, 99))
def test_lei_agrees_with_stdnum(body: str, check: int):
    code = f"{body}{check:02d}"
    assert is_lei(code) == stdnum_lei.is_valid(code)


@given(st.lists(st.one_of(st.none(), BODIES.map(lambda b: b + uscc_check_char(b)), st.text(max_size=20)), max_size=30))
def test_columns_agree_with_single_values(codes: list[str | None]):
    frame = pl.DataFrame({"code": codes}, schema={"code": pl.String})
    got = frame.select(uscc_valid("code").alias("ok"))["ok"].to_list()
    assert got == [None if code is None else is_uscc(code) for code in codes]


def test_codes_of_a_register_scalar_and_column_agree():
    sample = registrations(20_000, 7)["uscc"]
    got = pl.DataFrame({"c": sample}).select(ok=uscc_valid("c"), place=uscc_prefecture_expr("c"))
    assert got["ok"].to_list() == [None if c is None else is_uscc(c) for c in sample]
    assert 0.97 < got["ok"].mean() < 1  # a few are old registration numbers or wrong
    valid = [(c, p) for c, ok, p in zip(sample, got["ok"], got["place"], strict=True) if ok]
    assert all((p or "") == uscc_prefecture(c) for c, p in valid)


def test_old_registration_numbers():
    for body in ("44030110304508", "11000001234567"):
        good = [d for d in "0123456789" if is_registration_number(body + d)]
        assert len(good) == 1  # exactly one check digit fits
    assert not is_registration_number("1234")
    assert is_registration_number(old_number(7)) and not is_registration_number(old_number(7)[:-1] + str((int(old_number(7)[-1]) + 1) % 10))


def test_full_width_and_blanks():
    assert clean_code(" ９１４４０３００-192317458f\u200b") == "91440300192317458F"


@pytest.mark.parametrize(
    ("text", "code"), [("440300", "440300"), ("4403", "440300"), ("440300.0", "440300"), ("440300000000", "440300"),
                       ("44", "440000"), ("４４０３０６", "440306")],
)  # fmt: skip
def test_adcodes(text: str, code: str):
    assert normalise_adcode(text) == code


@pytest.mark.parametrize("text", ["", "4403a0", "990000", "44030", "Shenzhen"])
def test_no_adcodes(text: str):
    with pytest.raises(ValueError, match=r"division code|no province"):
        normalise_adcode(text)


def test_prefectures():
    assert prefecture_of("440306") == "440300"
    assert prefecture_of("310115") == "310000"  # municipalities are one city
    assert prefecture_of("440000") == ""
    assert uscc_prefecture("91100000100003962T") == ""  # registered with the nation


def test_speed_of_the_column_check():
    import time

    rng = random.Random(1)
    bodies = ["".join(rng.choices(USCC_ALPHABET[:10], k=17)) for _ in range(1000)]
    frame = pl.DataFrame({"c": [b + uscc_check_char(b) for b in bodies] * 200})
    start = time.perf_counter()
    assert frame.select(uscc_valid("c").sum()).item() == 200_000
    assert time.perf_counter() - start < 2  # 3 million a second on a quiet core
