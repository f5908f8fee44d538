"""What the warehouse makes of facts that users supply: plants that the list has, figures of output against bounds and memory,
who is who, and the audit of every record (meta.supplied).

Belongs here: the decisions of the dbt models, on the bundled data and supplied files, in a DuckDB in memory. Does not belong
here: files and landing (test_inbox_files), a whole refresh (test_pipeline).
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import jinja2
import pytest

from bench.who_is_who import DBT, cluster, resolve
from ingest.home import Home
from ingest.store.landing import Landing
from sources import selected_sources
from sources.inbox import SOURCE, shelf
from tests.test_inbox import land_all, write

MODELS = {path.stem: path for path in DBT.glob("models/**/*.sql")}
SEEDS = {path.stem: path for path in DBT.glob("seeds/*.csv")}
MACROS = "".join(path.read_text("utf-8") for path in sorted((DBT / "macros").glob("*.sql")) if path.stem in ("names", "identifiers", "supplied", "policies", "exactness", "support", "dates", "metrics"))
CODES = ("adcode", "year", "from", "to")


class Warehouse:
    """The models of the project, made on demand from what a home has landed."""

    def __init__(self, home: Path):
        self.home, self.con = home, duckdb.connect()
        self.con.execute("""create table int_build as select date '2026-11-30' as as_of, 2026 as this_year, 'v' as vintage_id, '1' as method_version,
            timestamptz '2026-11-30 00:00:00+00' as built_at""")
        self.made = {"int_build"}

    def make(self, name: str) -> str:
        """Make a model or seed with all that it needs; returns its name."""
        if name in self.made:
            return name
        self.made.add(name)
        if name in SEEDS:
            self.con.execute(f"create table {name} as select * from read_csv('{SEEDS[name]}', all_varchar = true)")
            for number in ("longitude", "latitude"):
                if number in [c[0] for c in self.con.execute(f"describe {name}").fetchall()]:
                    self.con.execute(f"alter table {name} alter {number} type double")
            return name
        if name in ("int_firms__records", "int_firms__links", "int_firms__clusters"):
            sql = self.render("int_firms__records")
            self.made |= {"int_firms__records", "int_firms__links", "int_firms__clusters", "cities", "provinces"}
            for seed in ("cities", "provinces"):
                self.con.execute(f"drop table if exists {seed}")
            resolve(self.con, records=sql)
            self.con.execute("alter table cities alter longitude type double; alter table cities alter latitude type double")
            return name
        if name == "int_policies__clusters":  # a Python model
            self.make("int_policies__records"), self.make("int_policies__pairs")
            rows = cluster(
                self.con.execute("select record_key, priority, doc_no_key from int_policies__records").fetchall(),
                self.con.execute("select a, b, match_rule, match_score from int_policies__pairs").fetchall(),
            )
            self.con.execute(f"create table {name} (record_key varchar, cluster_key varchar, match_rule varchar, match_score double, matched_to varchar)")
            self.con.executemany(f"insert into {name} values (?, ?, ?, ?, ?)", rows)
            return name
        self.con.execute(f"create table {name} as {self.render(name)}")
        return name

    def render(self, name: str) -> str:
        env = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
        return env.from_string(MACROS + MODELS[name].read_text("utf-8")).render(
            ref=self.make, source=self.source, config=lambda **_: "", stamp=lambda: "b.as_of as as_of", var=lambda name: {"tolerance": "1e-9"}.get(name, ""),
        )  # fmt: skip

    def source(self, source: str, table: str) -> str:
        if source == "_quarantine":
            return f"read_parquet('{self.home}/quarantine/*/*.parquet', union_by_name = true)"
        if source == "_meta":
            return f"read_parquet('{self.home}/landing/_meta/{table}.parquet')"
        return f"read_parquet('{self.home}/landing/{source}/{table}/*.parquet', union_by_name = true)"

    def ask(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        for name in dict.fromkeys(re.findall(r"\b(?:int|stg|meta)_\w+", sql)):
            self.make(name)
        return self.con.execute(sql, list(values)).fetchall()


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the bundled sources land; of all others the empty tables."""
    root = tmp_path_factory.mktemp("bundled")
    landing = Landing(Home(root))
    for source in selected_sources("bundled"):
        if source.name != "inbox":
            for partition in landing.partitions(source):
                landing.land(source, partition)
    from sources import all_sources

    for source in all_sources():
        landing.ensure_schema(source)
    return root


@pytest.fixture
def supply(bundled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Warehouse]]:
    """A function from files (kind/path -> text) to the warehouse that has them; called again, it adds and replaces files."""
    monkeypatch.setattr(shelf, "LOOK_S", 0.02)
    home = tmp_path / "home"
    shutil.copytree(bundled, home)
    open_: list[Warehouse] = []

    def give(files: dict[str, str] | None = None) -> Warehouse:
        for name, text in (files or {}).items():
            write(home / "inbox" / name, text)
        land_all(home)
        Landing(Home(home)).write_ledger([*selected_sources("bundled"), SOURCE] if SOURCE not in selected_sources("bundled") else selected_sources("bundled"))
        open_.append(Warehouse(home))
        return open_[-1]

    yield give
    for warehouse in open_:
        warehouse.con.close()


HEAD = "operator_zh,operator_en,city,product,plant_name,opened_year,capacity,capacity_unit,powertrain_at_opening,converted_from_ice,source_url,as_of\n"
URL = "https://example.org/page"
PLANTS = "select plant_id, source_id, opened_year, capacity, converted_year, ev_from_year, ev_state_unknown from int_plants__located where city_id = '610100' and segment_id = 'oem' order by 1"
AUDIT = "select outcome, listed_plant_id, columns_changed, columns_lost, reason from int_plants__supplied order by partition, record_no"


@pytest.mark.parametrize(
    ("operator", "city", "product", "site"),
    [("比亚迪汽车有限公司", "西安市", "整车", ""), ("比亚迪", "西安", "新能源汽车", ""), ("BYD", "Xi'an", "cars", ""), ("BYD Auto Co., Ltd.", "Xi'an", "cars", "Caotang base"),
     ("比亚迪汽车", "西安", "乘用车整车", "比亚迪西安工厂"), ("比亚迪", "西安", "整车", "西安高新基地")],
)  # fmt: skip
def test_a_plant_that_the_list_has_is_not_doubled(supply: Any, operator: str, city: str, product: str, site: str):
    before = supply().ask(PLANTS)
    assert len(before) == 4
    latin = operator if operator.isascii() else ""
    text = HEAD + f'{"" if latin else operator},"{latin}",{city},{product},{site},2003,,,ice,yes,,\n'
    warehouse = supply({"plants/mine.csv": text})
    assert warehouse.ask(PLANTS) == before, "it says what the list says: nothing may move"
    [(outcome, listed, changed, lost, reason)] = warehouse.ask(AUDIT)
    assert (outcome, listed, changed, lost, reason) == ("confirmed", "P0001", None, None, "says what the list says")


def test_either_of_two_names_finds_the_plant_of_the_list(supply: Any):
    """The list knows these makers by their English names; the Chinese ones are in no list."""
    rows = [f"智马达甲乙丙,smart,西安,整车,,2022,,,,,{URL},2026-01-01", f"三星甲乙丙,Samsung SDI,西安,battery,,,,,,,{URL},2026-01-01"]
    warehouse = supply({"plants/two_names.csv": HEAD + "\n".join(rows) + "\n"})
    assert [r[1] for r in warehouse.ask(AUDIT)] == ["P0131", "P0288"]
    assert warehouse.ask("select count(*) from int_plants__located where source_id = 'inbox'") == [(0,)]


def test_a_capacity_in_an_unknown_unit_changes_nothing_that_is_known(supply: Any):
    capacity = "select capacity, capacity_unit, capacity_support from int_plants__located where plant_id = 'P0266'"
    warehouse = supply({"plants/unit.csv": HEAD + f"比亚迪,BYD,西安,battery,,,35,套/年,,,{URL},2026-01-01\n"})
    assert warehouse.ask(capacity)[0][:2] == (30.0, "gwh_per_year")
    assert "its unit of capacity is none that is known" in warehouse.ask(AUDIT)[0][4]
    known = supply({"plants/unit.csv": HEAD + f"比亚迪,BYD,西安,battery,,,35,GWh/年,,,{URL},2026-01-01\n"})
    assert known.ask(capacity) == [(35.0, "gwh_per_year", "derived")]


def test_a_supplied_capacity_meets_the_figure_that_the_city_counts(supply: Any):
    """P0001 has a dated capacity that was read; a city counts that one, and so it decides whether a supplied one stands."""
    counted = "select capacity, capacity_basis from int_plants__yearly where plant_id = 'P0001' and year = 2026"
    before = supply().ask(counted)
    warehouse = supply({"plants/mine.csv": HEAD + f"比亚迪汽车有限公司,,西安,整车,,,123456,辆,,,{URL},2026\n"})
    [(outcome, plant, changed, lost, reason)] = warehouse.ask(AUDIT)
    assert (outcome, plant, changed, lost) == ("lost", "P0001", None, "capacity") and "read it at its source" in reason
    assert warehouse.ask(counted) == before == [(500000, "dated")]
    assert warehouse.ask("select supplied_values, source_url from meta_supplied") == [("capacity: 123456.0 vehicles_per_year", URL)]
    # where the dated figure was not read, the supplied one stands, and it is what the city counts
    warehouse.con.execute("create or replace table stg_curated_plants__capacities as select * replace ('derived' as support) from stg_curated_plants__capacities")
    for model in ("int_plants__built", "int_plants__supplied", "int_plants__located", "int_plants__yearly"):
        warehouse.con.execute(f"create or replace table {model} as {warehouse.render(model)}")
    assert warehouse.ask(AUDIT)[0][:4] == ("corrected", "P0001", "capacity", None)
    assert warehouse.ask(counted) == [(123456, "nameplate")]


def test_a_supplied_plant_corrects_the_list_where_it_may(supply: Any):
    """Capacity: unknown to the list. Opening: read at its source. Of the battery plant the opening is from memory."""
    rows = f"比亚迪汽车有限公司,,合肥,整车,,2023,900000,辆,ice,yes,{URL},2025\n比亚迪,,西安,电池,,2019,,,,,{URL},\n比亚迪,,长沙,整车,,2013,,,,,,\n"
    warehouse = supply({"plants/mine.csv": HEAD + rows})
    first, second, third = warehouse.ask(AUDIT)
    assert first[:4] == ("corrected", "P0007", "capacity", "converted_from_ice;opened_year;powertrain_at_opening") and "lost: the list read it at its source" in first[4]
    assert second[:4] == ("corrected", "P0266", "opened_year", None)
    assert third[0] in ("lost", "confirmed") and (third[0] == "confirmed" or "without a source_url" in third[4])
    located = dict(warehouse.ask("select plant_id, (opened_year, opened_support, capacity, capacity_unit) from int_plants__located where plant_id in ('P0007', 'P0266')"))
    assert located["P0007"] == (2022, "sourced", 900000, "vehicles_per_year") and located["P0266"][:2] == (2019, "derived")


def test_another_site_another_city_another_decade_is_another_plant(supply: Any):
    rows = "比亚迪,,西安,整车,,2019,,,,,,\nBYD,,Xi'an,cars,BYD Xi'an Lintong plant,2003,,,,,,\n甲汽车有限公司,,西安,整车,,2003,,,,,,\n比亚迪,,铜川,整车,,2003,,,,,,\n"
    warehouse = supply({"plants/mine.csv": HEAD + rows})
    assert [row[0] for row in warehouse.ask(AUDIT)] == ["added"] * 4
    assert len(warehouse.ask(PLANTS)) == 4 + 3


def test_a_plant_that_fits_several_of_the_list_is_named_and_not_guessed(supply: Any):
    """BYD has two vehicle plants in Shenzhen, opened in 2007 and 2023."""
    count = "select count(*) from int_plants__located where city_id = '440300'"
    before = supply().ask(count)
    rows = f"比亚迪,,深圳,整车,,,,,,,{URL},\n比亚迪,,深圳,整车,坪山工厂,2007,250000,辆,,,{URL},\n"
    warehouse = supply({"plants/mine.csv": HEAD + rows})
    first, second = warehouse.ask(AUDIT)
    assert first[0] == "lost" and "fits several plants of the list (P0002, P0003): name the site or its opening year" in first[4]
    assert second[:3] == ("corrected", "P0002", "capacity") and warehouse.ask(count) == before


def test_a_conversion_without_its_year_is_dated_to_no_year(supply: Any):
    text = "operator_zh,city,product,opened_year,powertrain_at_opening,converted_from_ice,converted_year\n甲汽车有限公司,西安,整车,1998,ice,yes,\n乙汽车有限公司,西安,整车,1998,ice,,2021\n"
    found = {r[4]: r for r in supply({"plants/mine.csv": text}).ask(PLANTS) if r[1] == "inbox"}
    assert found[None][5:] == (None, True), "not the current year"
    assert found[2021][5:] == (2021, False)


def test_records_of_one_plant_over_files_one_stands(supply: Any):
    one, other = HEAD + "甲汽车有限公司,,西安,整车,一厂,2019,,,,,,2024\n", HEAD + "甲汽车有限公司,,610100,整车,一厂,2020,,,,,,2023\n"
    third = HEAD + "甲汽车有限公司,,Xi'an,整车,一厂,2021,,,,,,2024\n"
    warehouse = supply({"plants/a.csv": one, "plants/z.csv": other, "plants/b.csv": third.replace("Xi'an", "\"Xi'an\"")})
    assert [r[2] for r in warehouse.ask(PLANTS) if r[1] == "inbox"] == [2021], "the newest as_of, of equals the last path"
    outcomes = warehouse.ask("select outcome, against_partition from int_plants__supplied order by partition")
    assert [o for o, _ in outcomes] == ["lost", "added", "lost"] and all(a.startswith("plants-b-csv") for _, a in outcomes)


# -- output ---------------------------------------------------------------------------------------------------------------
OUTPUT = "select nev_output, nev_output_support, nev_output_source, nev_output_is_lower_bound from int_city__output where city_id = ? and year = ?"


@pytest.mark.parametrize(
    ("city", "code", "year", "figure", "url", "outcome", "words"),
    [("广州", "440100", 2023, "61.2万", URL, "corrected", "a bound"), ("广州", "440100", 2023, "61.2万", "", "lost", "without a source_url it does not stand against a bound"),
     ("西安", "610100", 2024, "1200000", URL, "corrected", "a figure from memory"), ("西安", "610100", 2024, "1195000", URL, "corrected", "a figure from memory"),
     ("西安", "610100", 2024, "1200000", "", "lost", "a figure from memory"), ("西安", "610100", 2024, "1195000", "", "confirmed", "says what the figure says"),
     ("西安", "610100", 2022, "1000000", URL, "lost", "read at its source"), ("西安", "610100", 2019, "5万", "", "added", "no other figure"), ("某地", "", 2022, "1", URL, "lost", "not known"),
     ("常州", "320400", 2023, "65万", URL, "lost", "does not keep a bound"), ("常州", "320400", 2023, "72万", URL, "corrected", "a bound")],
)  # fmt: skip
def test_supplied_output(supply: Any, city: str, code: str, year: int, figure: str, url: str, outcome: str, words: str):
    before = supply().ask(OUTPUT, code, year)
    value, unit = (figure.removesuffix("万"), "万辆") if figure.endswith("万") else (figure, "辆")
    warehouse = supply({"city_output/mine.csv": f"city,year,product,output,unit,source_url\n{city},{year},nev,{value},{unit},{url}\n"})
    [(told, reason)] = warehouse.ask("select outcome, reason from int_city__output_supplied")
    assert told == outcome and words in reason
    after = warehouse.ask(OUTPUT, code, year)
    if outcome in ("added", "corrected"):
        assert after == [(float(value) * (10_000 if unit == "万辆" else 1), "derived" if url else "unverified", url or None, False)] != before
        told_of = warehouse.ask("select source_url, supplied_values, listed_values is not null from meta_supplied")
        assert told_of == [(url or None, f"nev: {float(value) * (10_000 if unit == '万辆' else 1)} vehicles", outcome == "corrected")]
    else:
        assert after == before


def test_output_over_files(supply: Any):
    head = "city,year,product,output,unit,as_of\n"
    warehouse = supply({"city_output/a.csv": head + "西安,2019,nev,1,辆,2024\n", "city_output/z.csv": head + "西安,2019,nev,2,辆,2023\n西安市,2019,nev,3,辆,2022\n"})
    assert warehouse.ask(OUTPUT, "610100", 2019)[0][0] == 1
    assert warehouse.ask("select record_no, outcome from int_city__output_supplied order by partition, record_no") == [(1, "added"), (1, "lost")]


def test_output_of_two_bases_is_two_records_and_one_figure(supply: Any):
    text = "city,year,product,output,unit,口径\n西安,2019,nev,3,万辆,法人\n西安,2019,nev,2,万辆,属地\n西安,2018,nev,1,万辆,出厂\n"
    warehouse = supply({"city_output/a.csv": text})
    assert warehouse.ask("select nev_output, nev_output_basis from int_city__output where city_id = '610100' and year = 2019") == [(20000, "place_of_production")]
    assert [r[:2] for r in audit(warehouse)["city_output/a.csv"]] == [(1, "lost"), (2, "added"), (3, "quarantined")]


def test_firms_over_files_the_newest_speaks_first(supply: Any):
    head = "name_zh,uscc,city,founded_on,business_scope,status,as_of\n"
    row = "甲示例电池有限公司,91370100MA3C000017,济南市,{},锂离子电池制造,{},{}\n"
    files = {f"firms/{name}.csv": head + row.format(*said) for name, said in {"a": ("2001", "存续", "2023"), "b": ("2002", "注销", "2024"), "c": ("2003", "存续", "2023")}.items()}
    from ingest.text.identifiers import uscc_check_char

    code = "91370100MA3C00001"
    files = {name: text.replace("91370100MA3C000017", code + uscc_check_char(code)) for name, text in files.items()}
    warehouse = supply(files)
    assert warehouse.ask("select founded_on, status, n_records from int_firms__resolved where name_zh = '甲示例电池有限公司'") == [("2002", "closed", 3)]
    told = {file: rows[0] for file, rows in audit(warehouse).items()}
    assert [told[f"firms/{n}.csv"][1] for n in "abc"] == ["lost", "added", "lost"] and told["firms/a.csv"][3] == "founded_on;status"


# -- the audit of every record ----------------------------------------------------------------------------------------------
USCC = "91440300192317458F"  # BYD's own
FILES = {
    "plants/p.csv": HEAD + f"比亚迪汽车有限公司,,合肥,整车,,2022,900000,辆,,,{URL},\n甲汽车有限公司,,济南,整车,,2020,,,,,,\n甲汽车有限公司,,济南,整车,,2021,,,,,,\n,,济南,整车,,,,,,,,\n",
    "city_output/o.csv": f"city,year,product,output,unit,source_url\n广州,2023,nev,61.2,万辆,{URL}\n西安,2024,nev,1200000,辆,\n西安,2019,nev,5,万辆,\n",
    "city_output/twice.csv": "city,year,product,output,unit\n西安,2019,nev,6,万辆\n",
    "firms/f.csv": "name_zh,uscc,city,founded_on,business_scope,lei\n"
    f"比亚迪股份有限公司,{USCC},深圳,1995-02-10,新能源汽车制造,\n测试锂电池厂,,济南市,2001,锂离子电池制造,\n测试锂电池厂,,济南市,2002,锂离子电池制造,\n",
    "listed_companies/l.csv": "证券代码,公司名称,城市,主营业务\n002594,比亚迪股份有限公司,深圳市,新能源汽车整车制造\n600000,上海示例银行股份有限公司,上海市,银行业务\n",
    "miit_products/m.csv": "batch,company_zh,model,product_name\n402,比亚迪汽车有限公司,BYD7000BEV,纯电动轿车\n402,丁示例汽车有限公司,DD1,纯电动轿车\n",
    "admission_lists/a.csv": "list_id,batch,company_zh,action,published_on\n规范,5,戊电池有限公司,admitted,2020\n",
    "parents/pa.csv": f"child,parent,share,source_url\n测试锂电池厂,己集团,60,{URL}\n测试锂电池厂,庚集团,20,{URL}\n比亚迪汽车有限公司,辛集团,60,{URL}\n无名,己集团,100,{URL}\n",
    "policies/po.csv": "title_zh,issuer,level,issue_date,place,doc_no,content_zh\n济南市充电设施办法,济南市人民政府,city,2023-01-02,济南,济政发〔2023〕99号,对公共充电桩给予补贴。\n",
    "policies/later.csv": "title_zh,issuer,level,issue_date,place,doc_no,content_zh,as_of\n济南市充电设施办法,济南市人民政府,city,2023-01-02,济南,济政发[2023]99号,对公共充电桩给予更多补贴。,2024\n",
    "plants/bad.csv": "maker,town\nx,y\n",
}


def audit(warehouse: Warehouse) -> dict[str, list[tuple[Any, ...]]]:
    found: dict[str, list[tuple[Any, ...]]] = {}
    for file, *rest in warehouse.ask("select file, record_no, outcome, columns_changed, columns_lost, against, reason from meta_supplied order by file, record_no"):
        found.setdefault(file, []).append(tuple(rest))
    return found


def test_the_audit_says_of_every_record_what_became_of_it(supply: Any):
    warehouse = supply(FILES)
    told = audit(warehouse)
    accounts = {a.file or a.partition: a for a in Landing(Home(warehouse.home)).accounts(SOURCE)}
    assert told.keys() <= accounts.keys() and len(told) == len(FILES)
    for file, account in accounts.items():
        assert len([r for r in told[file] if r[0]]) == account.records_in, (file, told[file])
    short = {file: [row[:3] for row in rows] for file, rows in told.items()}
    assert short["plants/p.csv"] == [(1, "corrected", "capacity"), (2, "added", None), (3, "quarantined", None), (4, "quarantined", None)]
    assert short["city_output/o.csv"][:2] == [(1, "corrected", "vehicles"), (2, "lost", None)]
    assert sorted(short[f"city_output/{n}.csv"][-1][1] for n in ("o", "twice")) == ["added", "lost"]
    [loser] = [rows[-1] for file, rows in told.items() if file.startswith("city_output") and rows[-1][1] == "lost"]
    assert loser[4].startswith("city_output/") and loser[4].endswith((" record 1", " record 3")), loser
    assert short["firms/f.csv"][0][1] in ("corrected", "confirmed") and [r[:2] for r in short["firms/f.csv"][1:]] == [(2, "added"), (3, "quarantined")]
    assert [r[1] for r in short["listed_companies/l.csv"]][1] == "left_out" and short["listed_companies/l.csv"][0][1] in ("confirmed", "corrected")
    assert short["miit_products/m.csv"][0][1] == "confirmed" and short["miit_products/m.csv"][1][1] == "added"
    assert short["admission_lists/a.csv"] == [(1, "added", None)]
    assert short["parents/pa.csv"] == [(1, "corrected", "group_name"), (2, "left_out", None), (3, "lost", None), (4, "left_out", None)]
    assert told["parents/pa.csv"][2][4] == "curated_firms/F0002"
    assert {short[f"policies/{n}.csv"][0][1] for n in ("po", "later")} <= {"added", "corrected", "confirmed"}
    assert [r[:2] for r in short["plants/bad.csv"]] == [(0, "quarantined")]
    text = str(warehouse.ask("select * exclude (file, partition, entity_id, against, source_url) from meta_supplied"))
    assert "庚集团" not in text, "no free text of a file beside what is published"
    typed = r"(capacity: [0-9.]+ \w+|(opened|closed|converted)_year: \d+|(powertrain_at_opening|converted_from_ice): [a-z_]+|place: [-0-9. ]+|(nev|auto): [0-9.]+ vehicles)"
    values = [v for (v,) in warehouse.ask("select supplied_values from meta_supplied where supplied_values is not null")]
    assert values and all(re.fullmatch(f"{typed}(; {typed})*", v) for v in values), values


def test_withdrawn_and_double_files_stand_in_the_audit(supply: Any, tmp_path: Path):
    from sources.inbox.withdraw import withdraw

    warehouse = supply({"plants/p.csv": FILES["plants/p.csv"], "plants/q.csv": FILES["plants/p.csv"], "city_output/o.csv": FILES["city_output/o.csv"]})
    count = "select count(*) from int_plants__located where source_id = 'inbox'"
    assert warehouse.ask(count) == [(1,)] and [r[:2] for r in audit(warehouse)["plants/q.csv"]] == [(0, "repeated")]
    home = Home(warehouse.home)
    withdraw(home, "plants/p.csv", "typed from memory")
    withdraw(home, "o.csv", "another year")
    warehouse = supply()
    told = audit(warehouse)
    assert told["plants/p.csv"] == [(0, "withdrawn", None, None, None, "plants/p.csv was withdrawn: typed from memory")]
    assert told["city_output/o.csv"][0][1] == "withdrawn" and warehouse.ask(OUTPUT, "610100", 2019) == []
    assert len(told["plants/q.csv"]) == 4 and warehouse.ask(count) == [(1,)], "the double counts now"
    withdraw(home, "q.csv", "typed from memory")
    assert supply().ask(count) == [(0,)]
    assert [r for r in supply().ask("select reason, detail from meta_quarantine where reason = 'withdrawn'") if "another year" in r[1]]


def test_the_order_in_which_files_came_decides_nothing(bundled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shelf, "LOOK_S", 0.02)
    found = []
    for number, names in enumerate((sorted(FILES), sorted(FILES, reverse=True))):
        home = tmp_path / str(number)
        shutil.copytree(bundled, home)
        for name in names:
            write(home / "inbox" / name, FILES[name])
            land_all(home)
        Landing(Home(home)).write_ledger(selected_sources("bundled"))
        warehouse = Warehouse(home)
        found.append([warehouse.ask(f"select * from {model} order by all") for model in
                      ("meta_supplied", "int_firms__resolved", "int_plants__located", "int_city__output", "int_firms__admitted", "int_firms__groups_brought")])  # fmt: skip
        found[-1].append(warehouse.ask("select policy_id, version, content_sha256, is_current, known_from from int_policies__versions order by all"))
        warehouse.con.close()
    assert found[0] == found[1]
