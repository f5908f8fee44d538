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

from bench.who_is_who import DBT, resolve
from sources import selected_sources
from sources.home import Home
from sources.inbox import SOURCE, shelf
from sources.landing import Landing
from tests.test_inbox import land_all, write

MODELS = {path.stem: path for path in DBT.glob("models/**/*.sql")}
SEEDS = {path.stem: path for path in DBT.glob("seeds/*.csv")}
MACROS = "".join(path.read_text("utf-8") for path in sorted((DBT / "macros").glob("*.sql")) if path.stem in ("names", "identifiers", "supplied", "policies"))
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
        sql = self.render(name)
        self.con.execute(f"create table {name} as {sql}")
        return name

    def render(self, name: str) -> str:
        env = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
        return env.from_string(MACROS + MODELS[name].read_text("utf-8")).render(
            ref=self.make, source=self.source, config=lambda **_: "", stamp=lambda: "b.as_of as as_of", var=lambda name: "",
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
PLANTS = "select plant_id, source, opened_year, capacity, converted_year, ev_from_year, ev_state_unknown from int_plants__located where city_adcode = '610100' and segment = 'oem' order by 1"
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


def test_a_supplied_plant_corrects_the_list_where_it_may(supply: Any):
    """Capacity: unknown to the list. Opening: read at its source. Of the battery plant the opening is from memory."""
    rows = f"比亚迪汽车有限公司,,西安,整车,,2004,900000,辆,ev,yes,{URL},2025\n比亚迪,,西安,电池,,2019,,,,,{URL},\n比亚迪,,长沙,整车,,2013,,,,,,\n"
    warehouse = supply({"plants/mine.csv": HEAD + rows})
    first, second, third = warehouse.ask(AUDIT)
    assert first[:4] == ("corrected", "P0001", "capacity", "opened_year;powertrain_at_opening") and "lost: the list read it at its source" in first[4]
    assert second[:4] == ("corrected", "P0266", "opened_year", None)
    assert third[0] in ("lost", "confirmed") and (third[0] == "confirmed" or "without a source_url" in third[4])
    located = dict(warehouse.ask("select plant_id, (opened_year, opened_support, capacity, capacity_unit) from int_plants__located where plant_id in ('P0001', 'P0266')"))
    assert located["P0001"] == (2003, "seen", 900000, "vehicles_per_year") and located["P0266"][:2] == (2019, "derived")


def test_another_site_another_city_another_decade_is_another_plant(supply: Any):
    rows = "比亚迪,,西安,整车,,2019,,,,,,\nBYD,,Xi'an,cars,BYD Xi'an Lintong plant,2003,,,,,,\n甲汽车有限公司,,西安,整车,,2003,,,,,,\n比亚迪,,铜川,整车,,2003,,,,,,\n"
    warehouse = supply({"plants/mine.csv": HEAD + rows})
    assert [row[0] for row in warehouse.ask(AUDIT)] == ["added"] * 4
    assert len(warehouse.ask(PLANTS)) == 4 + 3


def test_a_plant_that_fits_several_of_the_list_is_named_and_not_guessed(supply: Any):
    """BYD has two vehicle plants in Shenzhen, opened in 2007 and 2023."""
    count = "select count(*) from int_plants__located where city_adcode = '440300'"
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
OUTPUT = "select nev_output, nev_output_support, nev_output_source, nev_output_is_lower_bound from int_city__output where city_adcode = ? and year = ?"


@pytest.mark.parametrize(
    ("city", "code", "year", "figure", "url", "outcome", "words"),
    [("广州", "440100", 2023, "61.2万", URL, "corrected", "a bound"), ("广州", "440100", 2023, "61.2万", "", "lost", "without a source_url it does not stand against a bound"),
     ("西安", "610100", 2024, "1200000", URL, "corrected", "a figure from memory"), ("西安", "610100", 2024, "1195000", URL, "corrected", "a figure from memory"),
     ("西安", "610100", 2024, "1200000", "", "lost", "a figure from memory"), ("西安", "610100", 2024, "1195000", "", "confirmed", "says what the figure says"),
     ("西安", "610100", 2022, "1000000", URL, "lost", "read at its source"), ("西安", "610100", 2019, "5万", "", "added", "no other figure"), ("某地", "", 2022, "1", URL, "lost", "not known")],
)  # fmt: skip
def test_supplied_output(supply: Any, city: str, code: str, year: int, figure: str, url: str, outcome: str, words: str):
    before = supply().ask(OUTPUT, code, year)
    value, unit = (figure.removesuffix("万"), "万辆") if figure.endswith("万") else (figure, "辆")
    warehouse = supply({"city_output/mine.csv": f"city,year,product,output,unit,source_url\n{city},{year},nev,{value},{unit},{url}\n"})
    [(told, reason)] = warehouse.ask("select outcome, reason from int_city__output_supplied")
    assert told == outcome and words in reason
    after = warehouse.ask(OUTPUT, code, year)
    if outcome in ("added", "corrected"):
        assert after == [(float(value) * (10_000 if unit == "万辆" else 1), "derived", url or None, False)] != before
    else:
        assert after == before


def test_output_over_files(supply: Any):
    head = "city,year,product,output,unit,as_of\n"
    warehouse = supply({"city_output/a.csv": head + "西安,2019,nev,1,辆,2024\n", "city_output/z.csv": head + "西安,2019,nev,2,辆,2023\n西安市,2019,nev,3,辆,2022\n"})
    assert warehouse.ask(OUTPUT, "610100", 2019)[0][0] == 1
    assert warehouse.ask("select record_no, outcome from int_city__output_supplied order by partition, record_no") == [(1, "added"), (1, "lost")]
