"""Dates, sums of money and numbers as registries write them.

Belongs here: one text, one value. Does not belong here: what a file does with a bad one (test_inbox).
"""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.text.values import FutureDate, folded_name, parse_amount, parse_bool, parse_date, parse_number, parse_year

TODAY = dt.date(2026, 11, 24)


@pytest.mark.parametrize(
    ("text", "iso", "precision"),
    [("2023-02-28", "2023-02-28", "day"), ("2023/2/8", "2023-02-08", "day"), ("20230228", "2023-02-28", "day"),
     ("2023年2月28日", "2023-02-28", "day"), ("2023 年 2 月 28 日", "2023-02-28", "day"), ("２０２３年２月", "2023-02", "month"),
     ("2023.02", "2023-02", "month"), ("2023-02", "2023-02", "month"), ("1998", "1998", "year"), ("1998年", "1998", "year"),
     ("2023-02-28 00:00:00", "2023-02-28", "day"), ("2023-02-28T08:30:00Z", "2023-02-28", "day"),
     ("1872-12-26", "1872-12-26", "day"), ("2024-02-29", "2024-02-29", "day")],
)  # fmt: skip
def test_dates(text: str, iso: str, precision: str):
    assert parse_date(text, TODAY) == (iso, precision)


@pytest.mark.parametrize(
    "text", ["0000-00-00", "2023-02-30", "45000", "1899-12-30", "1900-01-01", "28/02/2023", "2023-13-01", "abc", "1700",
             "2023-02-29", "91440300192317458F"],
)  # fmt: skip
def test_bad_dates(text: str):
    with pytest.raises(ValueError):
        parse_date(text, TODAY)


def test_future_and_unknown_dates():
    with pytest.raises(FutureDate):
        parse_date("9999-12-31", TODAY)
    with pytest.raises(FutureDate):
        parse_date("2026-11-25", TODAY)
    assert parse_date("2026-11-24", TODAY) == ("2026-11-24", "day")
    for text in ("", "-", "N/A", "不详", "null"):
        assert parse_date(text, TODAY) is None


@given(st.dates(dt.date(1901, 1, 1), TODAY))
def test_every_day_in_every_spelling(day: dt.date):
    for spelling in (day.isoformat(), f"{day.year}年{day.month}月{day.day}日", f"{day:%Y/%m/%d}", f"{day:%Y%m%d}"):
        found = parse_date(spelling, TODAY)
        assert found == (day.isoformat(), "day")


AMOUNTS = [
    ("5000.000000万人民币", 5e7, "CNY"), ("50(万元人民币)", 5e5, "CNY"), ("50(万元)", 5e5, "CNY"), ("50(万)", 5e5, "CNY"),
    ("50万人民币", 5e5, "CNY"), ("50(万美元)", 5e5, "USD"), ("50(万人民币元)", 5e5, "CNY"), ("50（万元）", 5e5, "CNY"),
    ("50万元", 5e5, "CNY"), ("50(万香港元)", 5e5, "HKD"), ("50万人民币元", 5e5, "CNY"), ("50(万元(人民币))", 5e5, "CNY"),
    ("50万元人民币", 5e5, "CNY"), ("50(万港币)", 5e5, "HKD"), ("50万港元", 5e5, "HKD"), ("50(万日元)", 5e5, "JPY"),
    ("50(万元美元)", 5e5, "USD"), ("50(万元(港币))", 5e5, "HKD"), ("50(万欧元)", 5e5, "EUR"), ("50(万人民币 )", 5e5, "CNY"),
    ("50万", 5e5, "CNY"), ("50(万元（人民币）)", 5e5, "CNY"), ("500000人民币元", 5e5, "CNY"), ("50(万德国马克)", 5e5, "DEM"),
    ("50( 万人民币元)", 5e5, "CNY"), ("50(万英镑)", 5e5, "GBP"), ("500000元", 5e5, "CNY"), ("0.5亿元", 5e7, "CNY"),
    ("人民币50万元", 5e5, "CNY"), ("1,234.5万元", 12_345_000, "CNY"), ("￥500,000", 5e5, "CNY"), ("USD 500000", 5e5, "USD"),
    ("５０万元", 5e5, "CNY"), ("50万元整", 5e5, "CNY"), ("3千万元", 3e7, "CNY"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value", "currency"), AMOUNTS)
def test_amounts(text: str, value: float, currency: str):
    found = parse_amount(text)
    assert found is not None
    assert (found.value, found.currency, found.unit_stated) == (pytest.approx(value), currency, True)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e999", "-5", "壹佰万元", "9" * 300, "50苹果", "5,000(万美", "1,23", "五"])
def test_bad_amounts(text: str):
    with pytest.raises(ValueError):
        parse_amount(text)


def test_amount_without_a_unit():
    assert parse_amount("１２３４") == (1234e4, "CNY", False)
    assert parse_amount("1234", unit="万美元") == (1234e4, "USD", True)
    assert parse_amount("1234", unit="元") == (1234, "CNY", True)
    assert parse_amount("") is None and parse_amount("N/A") is None


def test_numbers_years_and_yes():
    assert parse_number("1,234.5") == 1234.5
    assert parse_number("1e5") == 1e5
    assert parse_number("") is None
    for text in ("NaN", "inf", "1e999", "12abc", "1.2.3"):
        with pytest.raises(ValueError):
            parse_number(text)
    assert parse_year("2015-03-01") == 2015 and parse_year("2015.0") == 2015
    assert parse_bool("是") is True and parse_bool("no") is False and parse_bool("") is None
    with pytest.raises(ValueError):
        parse_bool("maybe")


def test_name_keys():
    assert folded_name("长沙\u200b轩华电\u202e汽车 零部件（有限公司）　") == "长沙轩华电汽车零部件(有限公司)"
    assert folded_name("BYD  Auto Co., Ltd.") == "BYD AUTO CO., LTD."
    assert folded_name(" 　\u200b") == ""


@pytest.mark.parametrize("years", ["300000", "九0一", "0", "两千"])
def test_a_validity_of_no_sensible_years_is_unknown(years: str):
    from ingest.policies.text import validity

    assert validity(f"本通知自2021年11月1日起施行，有效期{years}年。").valid_to is None
