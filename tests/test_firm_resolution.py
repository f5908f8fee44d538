"""Who is who: which records are one firm, and which must never be."""

from __future__ import annotations

import itertools
import random
import re

import duckdb
import pytest
import yaml

from bench.who_is_who import DBT, given, render, resolve
from ingest.text.identifiers import uscc_check_char

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
        (rec("a", "阿波罗智能技术（北京）有限公司", city_id="110000"),
         rec("b", "阿波罗智能技术(北京)有限责任公司", city_id="110000")),
        (rec("a", "比亞迪汽車有限公司", city_id="610100"), rec("b", "比亚迪汽车有限公司", city_id="610100")),
        # turned into a company limited by shares, in the same place
        (rec("a", "孚能科技（赣州）有限公司", city_id="360700"),
         rec("b", "孚能科技（赣州）股份有限公司", city_id="360700")),
        # a name that says its place, and no place that contradicts
        (rec("a", "深圳市英飞源技术有限公司", city_id="440300"), rec("b", "深圳市英飞源技术有限公司")),
        # a branch without a registration is its firm
        (rec("a", "骆驼集团股份有限公司", city_id="420600"),
         rec("b", "骆驼集团股份有限公司上海分公司", city_id="310000")),
    ],
)  # fmt: skip
def test_one_firm(a: dict[str, object], b: dict[str, object]) -> None:
    found = firms([a, b])
    assert found["a"] == found["b"]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        # two registrations, one name: two firms
        (rec("a", "华通汽车配件厂", uscc=BYD, city_id="330200"),
         rec("b", "华通汽车配件厂", uscc=OTHER, city_id="330200")),
        # several firms of one group
        (rec("a", "比亚迪汽车有限公司", city_id="610100"), rec("b", "比亚迪汽车工业有限公司", city_id="440300")),
        (rec("a", "安徽江淮汽车集团股份有限公司", city_id="340100"),
         rec("b", "安徽江淮汽车股份有限公司", city_id="340100")),
        # a short common name in two cities
        (rec("a", "华通配件厂", city_id="330200"), rec("b", "华通配件厂", city_id="420300")),
        # the place in brackets tells them apart
        (rec("a", "电装（天津）有限公司", city_id="120000"), rec("b", "电装（广州）有限公司", city_id="440100")),
        # a branch with a registration of its own
        (rec("a", "骆驼集团股份有限公司", uscc=BYD, city_id="420600"),
         rec("b", "骆驼集团股份有限公司上海分公司", uscc=OTHER, city_id="310000")),
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
    rows = [rec("a", "赛力斯集团股份有限公司", city_id="500000"), rec("b", "重庆小康工业集团股份有限公司")]
    assert len(set(firms(rows).values())) == 2
    joined = firms(rows, [("赛力斯集团股份有限公司", "重庆小康工业集团股份有限公司")])
    assert joined["a"] == joined["b"]


def test_no_bridge_between_two_registrations() -> None:
    """A record without a code that fits two firms joins one at most, and the refusal is listed."""
    con = duckdb.connect()
    given(con, [
        rec("a", "华通汽车配件有限公司", uscc=BYD, city_id="330200"),
        rec("b", "华通汽车配件股份有限公司", uscc=OTHER, city_id="330200"),
        rec("c", "华通汽车配件有限公司", city_id="330200"),
    ])  # fmt: skip
    resolve(con)
    found = dict(con.execute("select source_record_id, firm_id from int_firms__links").fetchall())
    assert found["a"] != found["b"] and found["c"] == found["a"]
    conflicts = con.execute("select reason, match_rule from int_firms__conflicts").fetchall()
    assert conflicts == [("another record of the firm has a different uscc, lei, share or place in the curated list", "core_city")]


def test_closure_is_transitive() -> None:
    """a-b by code, b-c by name, c-d by listing code: one firm of four records, whatever the order."""
    rows = [
        rec("a", "甲子新能源汽车有限公司", uscc=BYD),
        rec("b", "乙丑新能源汽车有限公司", uscc=BYD, city_id="440300"),
        rec("c", "乙丑新能源汽车有限公司", city_id="440300", stock_codes="300001"),
        rec("d", "丙寅", stock_codes="300001.SZ"),
    ]
    results = {tuple(sorted(firms(list(order)).items())) for order in itertools.permutations(rows)}
    assert len(results) == 1
    assert len(set(dict(results.pop()).values())) == 1


def test_curated_id_stays_and_others_are_stable() -> None:
    rows = [
        rec("F0001", "比亚迪股份有限公司", source_id="curated_firms", priority=1, uscc=BYD),
        rec("x", "BYD", uscc=BYD), rec("y", "某某动力电池有限公司", uscc=OTHER), rec("z", "无码锂电有限公司", city_id="360900"),
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
            city_id=rng.choice(["330200", "420300", "440300", None]))
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


# -- through the staging of the live sources ---------------------------------------------------------------
STAGED = {
    "stg_curated_firms__firms": "firm_id, name_zh, name_zh_short, name_en, uscc, lei, listing_codes, hq_city_id, reg_city_id, "
    "hq_province_id, founded_year:integer, status, status_year:integer, powertrain, group_name, support, source_tier, confidence, source_ref",
    "stg_inbox__firms_sector": "record_id, name_zh, name_en, uscc, lei, stock_code, group_name, powertrain, founded_on, "
    "founded_year:integer, status, closed_year:integer, located_adcode, place_rule, source_url, as_of, in_sector:boolean, partition",
    "stg_szse__listed": "record_id, stock_code, b_stock_code, short_name, name_zh, name_en, industry, in_sector:boolean, segments, "
    "located_adcode, place_rule, status, listed_on:date",
    "stg_szse__name_changes": "stock_code, changed_on:date, name_before, name_after",
    "stg_sse__listed": "record_id, stock_code, b_stock_code, company_code, short_name, name_zh, industry_code, industry, listed_on:date, "
    "status, in_sector:boolean, segments, located_adcode, place_rule",
    "stg_sse__delisted": "record_id, company_code, short_name, name_zh, listed_on:date, status",
    "stg_sse__profiles": "record_id, name_en, industry_division, in_sector:boolean, segments, located_adcode, place_rule",
    "stg_bse__listed": "record_id, stock_code, short_name, industry, in_sector:boolean, segments, located_adcode, place_rule, status, listed_on:date",
    "stg_wikidata__entities": "record_id, kind, name_zh, label_zh, name_en, uscc, lei, stock_codes:varchar[], located_adcode, founded_on, "
    "founded_year:integer, dissolved_year:integer",
}


def described(name: str) -> dict[str, str]:
    """Columns of a staging model as its YAML describes them."""
    for path in (DBT / "models/staging").glob("*/*.yml"):
        for model in yaml.safe_load(path.read_text("utf-8")).get("models", []):
            if model["name"] == name:
                return {c["name"]: c.get("data_type", "varchar") for c in model["columns"]}
    raise KeyError(name)


def staged(**tables: list[dict[str, object]]) -> duckdb.DuckDBPyConnection:
    """A warehouse in memory where only these rows have landed, resolved. Staging that STAGED does not name (sources that
    came later) is empty."""
    con = duckdb.connect()
    wanted = re.findall(r"\bstg_\w+", render("int_firms__records") + render("int_firms__listed") + render("int_firms__former_names"))
    known = {name: dict((c.split(":") + ["varchar"])[:2] for c in text.split(", ")) for name, text in STAGED.items()}
    for name, columns in {**{n: described(n) for n in wanted if n not in known}, **known}.items():
        con.execute(f"create table {name} ({', '.join(f'{c} {t}' for c, t in columns.items())})")
        for row in tables.get(name.removeprefix("stg_").replace("__", "_"), []):
            assert set(row) <= set(columns), set(row) - set(columns)
            con.execute(f"insert into {name} ({', '.join(row)}) values ({', '.join('?' * len(row))})", list(row.values()))
    con.execute(f"create table int_firms__listed as {render('int_firms__listed')}")
    # what other registers and files bring is empty here
    con.execute("create table int_firms__groups_brought (firm_key varchar, group_name varchar, source_url varchar)")
    for name in sorted(set(re.findall(r"\bint_firms__records_\w+", render("int_firms__records")))):
        con.execute(f"create table {name} (source_id varchar, source_record_id varchar)")
    resolve(con, records=render("int_firms__records"))
    return con


def ids(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    return dict(con.execute("select record_key, firm_id from int_firms__links").fetchall())


def curated(key: str, name: str, **more: object) -> dict[str, object]:
    return {"firm_id": key, "name_zh": name, **more}


def test_several_firms_of_one_group_and_their_brand() -> None:
    """BYD's parent, its makers in Xi'an and Shenzhen, and the brand: a share code and registered names keep them apart."""
    con = staged(
        curated_firms_firms=[
            curated("F1", "比亚迪股份有限公司", listing_codes="002594.SZ;1211.HK", hq_city_id="440300"),
            curated("F2", "比亚迪汽车有限公司", hq_city_id="610100"),
            curated("F3", "比亚迪汽车工业有限公司", hq_city_id="440300"),
        ],
        szse_listed=[{"record_id": "002594", "stock_code": "002594", "name_zh": "比亚迪股份有限公司", "in_sector": False,
                      "located_adcode": "440300", "status": "listed"}],
        wikidata_entities=[
            {"record_id": "Q1", "kind": "firm", "name_zh": "比亚迪汽车工业有限公司", "located_adcode": "440300"},
            {"record_id": "Q2", "kind": "brand", "label_zh": "比亚迪汽车", "name_zh": "比亚迪汽车有限公司"},
            {"record_id": "Q3", "kind": "firm", "label_zh": "比亚迪汽车", "name_en": "BYD Auto", "located_adcode": "440300"},
            {"record_id": "Q4", "kind": "firm", "label_zh": "比亚迪", "stock_codes": ["1211"], "located_adcode": "440300"},
        ],
    )  # fmt: skip
    assert ids(con) == {
        "curated_firms:F1": "F1", "curated_firms:F2": "F2", "curated_firms:F3": "F3",
        "szse:002594": "F1", "wikidata:Q1": "F3", "wikidata:Q4": "F1",
    }  # fmt: skip


def test_a_listed_company_never_bridges_two_firms_of_the_list() -> None:
    """东风汽车股份 (600006) has its office in Wuhan, where 东风汽车有限公司 is: one core of a name, two legal persons."""
    con = staged(
        curated_firms_firms=[
            curated("F1", "东风汽车股份有限公司", listing_codes="600006.SH", hq_city_id="420600"),
            curated("F2", "东风汽车有限公司", hq_city_id="420100"),
        ],
        sse_listed=[{"record_id": "600006", "stock_code": "600006", "company_code": "600006", "name_zh": "东风汽车股份有限公司",
                     "in_sector": True, "status": "listed"}],
        sse_profiles=[{"record_id": "600006", "located_adcode": "420100"}],
    )  # fmt: skip
    found = ids(con)
    assert found["sse:600006"] == "F1" and found["curated_firms:F2"] == "F2"
    reasons = con.execute("select reason from int_firms__conflicts").fetchall()
    assert reasons and all("curated list" in r for (r,) in reasons)


def test_a_contract_maker_and_the_brand_it_builds_for_are_two_firms() -> None:
    """江淮 builds for 蔚来: neither place nor product makes them one."""
    con = staged(
        curated_firms_firms=[curated("F1", "蔚来控股有限公司", hq_city_id="340100")],
        sse_listed=[{"record_id": "600418", "stock_code": "600418", "company_code": "600418",
                     "name_zh": "安徽江淮汽车集团股份有限公司", "in_sector": True, "located_adcode": "340100", "status": "listed"}],
        wikidata_entities=[{"record_id": "Q1", "kind": "firm", "name_zh": "江淮蔚来先进制造技术有限公司", "located_adcode": "340100"}],
    )  # fmt: skip
    assert len(set(ids(con).values())) == 3


def test_two_shares_are_two_companies_and_a_and_b_shares_are_one() -> None:
    listed = {"in_sector": True, "status": "listed", "located_adcode": "500000"}
    con = staged(sse_listed=[
        {"record_id": "600111", "stock_code": "600111", "company_code": "600111", "name_zh": "重庆测试汽车股份有限公司", **listed},
        {"record_id": "600222", "stock_code": "600222", "company_code": "600222", "name_zh": "重庆测试汽车股份有限公司", **listed},
        {"record_id": "900111", "stock_code": "600111", "b_stock_code": "900111", "company_code": "600111",
         "name_zh": "重庆测试汽车股份有限公司", **listed},
    ])  # fmt: skip
    found = ids(con)
    assert found["sse:600111"] == found["sse:900111"] != found["sse:600222"]


def test_former_names_come_from_the_exchange_by_its_code() -> None:
    con = staged(
        szse_listed=[{"record_id": "000980", "stock_code": "000980", "name_zh": "众泰汽车股份有限公司", "in_sector": True,
                      "located_adcode": "330700", "status": "listed"}],
        szse_name_changes=[
            {"stock_code": "000980", "changed_on": "2017-06-01", "name_before": "黄山金马股份有限公司", "name_after": "众泰汽车股份有限公司"},
            {"stock_code": "000001", "changed_on": "2012-08-01", "name_before": "深圳发展银行股份有限公司", "name_after": "平安银行股份有限公司"},
        ],
        inbox_firms_sector=[
            {"record_id": "1", "partition": "f", "name_zh": "黄山金马股份有限公司", "located_adcode": "341000", "in_sector": True},
            {"record_id": "2", "partition": "f", "name_zh": "平安银行股份有限公司", "in_sector": True},
            {"record_id": "3", "partition": "f", "name_zh": "黄山金马股份有限公司", "uscc": BYD, "in_sector": True},
        ],
    )  # fmt: skip
    found = ids(con)
    assert found["inbox:f/1"] == found["szse:000980"] != found["inbox:f/2"]
    rule = con.execute("select match_rule, match_score from int_firms__links where record_key = 'inbox:f/1'").fetchone()
    assert rule is not None and rule[0] in ("former_name", "name") and rule[1] >= 0.9


def test_the_sector_of_listed_companies_is_stated() -> None:
    """Name, division 36, or a firm of the curated list by code or name; all others stay out."""
    base = {"status": "listed"}
    con = staged(
        curated_firms_firms=[curated("F1", "某某科技股份有限公司", listing_codes="300001.SZ"), curated("F2", "另一科技股份有限公司")],
        szse_listed=[
            {"record_id": "300001", "stock_code": "300001", "name_zh": "某某科技集团股份有限公司", "in_sector": False, **base},
            {"record_id": "300002", "stock_code": "300002", "name_zh": "另一科技股份有限公司", "in_sector": False, **base},
            {"record_id": "300003", "stock_code": "300003", "name_zh": "测试白酒股份有限公司", "in_sector": False, "industry": "C 制造业", **base},
            {"record_id": "300004", "stock_code": "300004", "name_zh": "测试电池股份有限公司", "in_sector": True, **base},
        ],
        bse_listed=[{"record_id": "920001", "stock_code": "920001", "short_name": "测试甲", "industry": "汽车制造业", "in_sector": False, **base},
                    {"record_id": "920002", "stock_code": "920002", "short_name": "测试乙", "industry": "C3670", "in_sector": False, **base},
                    {"record_id": "920003", "stock_code": "920003", "short_name": "测试丙", "industry": "食品制造业", "in_sector": False, **base}],
    )  # fmt: skip
    rules = dict(con.execute("select record_id, sector_rule from int_firms__listed").fetchall())
    assert rules == {"300001": "curated_code", "300002": "curated_name", "300004": "name", "920001": "industry", "920002": "industry"}
