"""Who is who: which records are one firm, and which must never be."""

from __future__ import annotations

import itertools
import random

import duckdb
import pytest

from bench.who_is_who import given, resolve
from sources.identifiers import uscc_check_char

BYD = "91440300192317458F"  # real codes with the right check character
OTHER = "914403001922038216"


def code(n: int, office: str = "440300") -> str:
    body = f"91{office}{n:09d}"
    return body + uscc_check_char(body)


def firms(rows: list[dict[str, object]], former: list[tuple[str, str]] | None = None) -> dict[str, str]:
    """record id -> firm id"""
    con = duckdb.connect()
    given(con, rows)
    resolve(con, former)
    return dict(con.execute("select source_record_id, firm_id from int_firms__links").fetchall())


def rec(key: str, name: str | None = None, **more: object) -> dict[str, object]:
    return {"source_record_id": key, "name_zh": name, **more}


@pytest.mark.parametrize(
    ("a", "b"),
    [
        # the same registration, whatever the name
        (rec("a", "比亚迪股份有限公司", uscc=BYD), rec("b", "BYD股份", uscc=BYD)),
        (rec("a", "甲汽车有限公司", lei="3003EXAMPLEEV0000133"), rec("b", "Jia Auto", lei="3003EXAMPLEEV0000133")),
        (rec("a", "甲", stock_codes="002594.SZ;1211.HK"), rec("b", "乙", stock_codes="002594")),
        # full-width brackets, traditional characters, forms of one kind of company
        (rec("a", "阿波罗智能技术（北京）有限公司", city_adcode="110000"),
         rec("b", "阿波罗智能技术(北京)有限责任公司", city_adcode="110000")),
        (rec("a", "比亞迪汽車有限公司", city_adcode="610100"), rec("b", "比亚迪汽车有限公司", city_adcode="610100")),
        # turned into a company limited by shares, in the same place
        (rec("a", "孚能科技（赣州）有限公司", city_adcode="360700"),
         rec("b", "孚能科技（赣州）股份有限公司", city_adcode="360700")),
        # a name that says its place, and no place that contradicts
        (rec("a", "深圳市英飞源技术有限公司", city_adcode="440300"), rec("b", "深圳市英飞源技术有限公司")),
        # a branch without a registration is its firm
        (rec("a", "骆驼集团股份有限公司", city_adcode="420600"),
         rec("b", "骆驼集团股份有限公司上海分公司", city_adcode="310000")),
    ],
)  # fmt: skip
def test_one_firm(a: dict[str, object], b: dict[str, object]) -> None:
    found = firms([a, b])
    assert found["a"] == found["b"]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        # two registrations, one name: two firms
        (rec("a", "华通汽车配件厂", uscc=BYD, city_adcode="330200"),
         rec("b", "华通汽车配件厂", uscc=OTHER, city_adcode="330200")),
        # several firms of one group
        (rec("a", "比亚迪汽车有限公司", city_adcode="610100"), rec("b", "比亚迪汽车工业有限公司", city_adcode="440300")),
        (rec("a", "安徽江淮汽车集团股份有限公司", city_adcode="340100"),
         rec("b", "安徽江淮汽车股份有限公司", city_adcode="340100")),
        # a short common name in two cities
        (rec("a", "华通配件厂", city_adcode="330200"), rec("b", "华通配件厂", city_adcode="420300")),
        # the place in brackets tells them apart
        (rec("a", "电装（天津）有限公司", city_adcode="120000"), rec("b", "电装（广州）有限公司", city_adcode="440100")),
        # a branch with a registration of its own
        (rec("a", "骆驼集团股份有限公司", uscc=BYD, city_adcode="420600"),
         rec("b", "骆驼集团股份有限公司上海分公司", uscc=OTHER, city_adcode="310000")),
        # two LEIs
        (rec("a", "甲乙丙丁汽车有限公司", lei="3003EXAMPLEEV0000133"),
         rec("b", "甲乙丙丁汽车有限公司", lei="549300EXAMPLEXXXXX97")),
        # English names that share a form of company only
        (rec("a", None, name_en="Alpha Co., Ltd."), rec("b", None, name_en="Beta Co., Ltd.")),
    ],
)  # fmt: skip
def test_two_firms(a: dict[str, object], b: dict[str, object]) -> None:
    found = firms([a, b])
    assert found["a"] != found["b"]


def test_wrong_check_character_is_no_identity() -> None:
    bad = BYD[:-1] + "0"
    found = firms([rec("a", "甲汽车有限公司", uscc=bad), rec("b", "乙电池有限公司", uscc=bad)])
    assert found["a"] != found["b"]


def test_former_name_joins() -> None:
    rows = [rec("a", "赛力斯集团股份有限公司", city_adcode="500000"), rec("b", "重庆小康工业集团股份有限公司")]
    assert len(set(firms(rows).values())) == 2
    joined = firms(rows, [("赛力斯集团股份有限公司", "重庆小康工业集团股份有限公司")])
    assert joined["a"] == joined["b"]


def test_no_bridge_between_two_registrations() -> None:
    """A record without a code that fits two firms joins one at most, and the refusal is listed."""
    con = duckdb.connect()
    given(con, [
        rec("a", "华通汽车配件有限公司", uscc=BYD, city_adcode="330200"),
        rec("b", "华通汽车配件股份有限公司", uscc=OTHER, city_adcode="330200"),
        rec("c", "华通汽车配件有限公司", city_adcode="330200"),
    ])  # fmt: skip
    resolve(con)
    found = dict(con.execute("select source_record_id, firm_id from int_firms__links").fetchall())
    assert found["a"] != found["b"] and found["c"] == found["a"]
    conflicts = con.execute("select reason, match_rule from int_firms__conflicts").fetchall()
    assert conflicts == [("another record of the firm has a different uscc or lei", "core_city")]


def test_closure_is_transitive() -> None:
    """a-b by code, b-c by name, c-d by listing code: one firm of four records, whatever the order."""
    rows = [
        rec("a", "甲子新能源汽车有限公司", uscc=BYD),
        rec("b", "乙丑新能源汽车有限公司", uscc=BYD, city_adcode="440300"),
        rec("c", "乙丑新能源汽车有限公司", city_adcode="440300", stock_codes="300001"),
        rec("d", "丙寅", stock_codes="300001.SZ"),
    ]
    results = {tuple(sorted(firms(list(order)).items())) for order in itertools.permutations(rows)}
    assert len(results) == 1
    assert len(set(dict(results.pop()).values())) == 1


def test_curated_id_stays_and_others_are_stable() -> None:
    rows = [
        rec("F0001", "比亚迪股份有限公司", source="curated_firms", priority=1, uscc=BYD),
        rec("x", "BYD", uscc=BYD), rec("y", "某某动力电池有限公司", uscc=OTHER), rec("z", "无码锂电有限公司", city_adcode="360900"),
    ]  # fmt: skip
    first, again = firms(rows), firms(list(reversed(rows)))
    assert first == again
    assert first["x"] == "F0001" and first["y"].startswith("U") and first["z"].startswith("N")


def test_ten_thousand_records_never_merge_two_codes() -> None:
    """Random names from few words, half with codes: no firm ever has two valid codes."""
    rng = random.Random(7)
    rows = [
        rec(str(i), f"{rng.choice('甲乙丙丁')}{rng.choice('天地玄黄')}汽车配件{rng.choice(['有限公司', '股份有限公司', '厂'])}",
            uscc=code(rng.randrange(4000)) if rng.random() < 0.5 else None,
            city_adcode=rng.choice(["330200", "420300", "440300", None]))
        for i in range(2000)
    ]  # fmt: skip
    con = duckdb.connect()
    given(con, rows)
    resolve(con)
    worst = con.execute("""
        select max(n) from (select count(distinct r.uscc) as n from int_firms__links as l
        inner join int_firms__records as r using (record_key) group by l.firm_id)""").fetchone()
    assert worst == (1,)
    assert con.execute("select count(distinct uscc) from int_firms__records").fetchone()[0] > 500
