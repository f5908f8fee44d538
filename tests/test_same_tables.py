"""The tables are a function of what landed: not of threads, of the time zone, or of the order of landed rows.

Belongs here: one more build of the warehouse from the landing that all tests share. Does not belong here: landing and export
(they have tests of their own), rules on the SQL (tests/test_sql_order.py).
"""

from __future__ import annotations

import math
import random
import shutil
import statistics
from fractions import Fraction
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from atlas.version import relations
from atlas.version.compare import differing_tables
from ingest.home import Home
from orchestration.build import dbt

SCHEMAS = (*relations.SCHEMAS, "intermediate", "seeds")


def test_threads_time_zone_and_order_of_rows_change_nothing(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = Home(tmp_path / "home")
    for name in ("dbt", "landing", "quarantine"):
        shutil.copytree(home / name, own.root / name)
    order, shuffled = random.Random(7), 0
    for path in sorted([*own.landing.rglob("*.parquet"), *(own.root / "quarantine").rglob("*.parquet")]):
        table = pq.read_table(path, partitioning=None)
        rows = list(range(len(table)))
        order.shuffle(rows)
        pq.write_table(table.take(pa.array(rows, pa.int64())), path)
        shuffled += len(rows) > 1
    assert shuffled > 20
    monkeypatch.setenv("EVATLAS_THREADS", "4")
    monkeypatch.setenv("EVATLAS_MEMORY", "1GB")
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    dbt.build_file(own).parent.mkdir(parents=True)
    for _ in dbt.run(own, ["build", "--exclude", "resource_type:test", "resource_type:unit_test"]):
        pass
    assert differing_tables(home / "warehouse.duckdb", dbt.build_file(own), SCHEMAS) == {}
    with duckdb.connect(str(dbt.build_file(own)), read_only=True) as con:
        assert len(con.execute("select 1 from duckdb_tables() where schema_name in ('main', 'metrics', 'meta')").fetchall()) > 40


def test_the_comparison_names_table_and_column(tmp_path: Path) -> None:
    one, other = tmp_path / "one.duckdb", tmp_path / "other.duckdb"
    for path, number, extra in ((one, "0.1::double + 0.2", ""), (other, "0.3::double", "create table only_here as select 1 as a;")):
        with duckdb.connect(str(path)) as con:
            con.execute(
                f"create table numbers as select 1 as k, {number} as x, 'a' as same; {extra}"
                f"create table zeros as select {'-0.0' if extra else '0.0'}::double as z;"
                "create table bag as select unnest([1, 1, 2]) as b;"
                f"create table rows as select unnest(range({3 if extra else 2})) as r;"
                f"create table types as select 1::{'bigint' if extra else 'integer'} as t;"
                f"create table crossed as select * from (values (1, {'2' if extra else '1'}), (2, {'1' if extra else '2'})) as v (l, r);"
                f"create table lists as select [{number}] as l;"
                "create schema meta; create table meta.run as select now() as at, 1 as n; create schema staging;"
                f"create table staging.unseen as select {number} as x"
            )
    found = differing_tables(one, other, exempt={"meta.run": ["at"]})
    assert found == {
        "main.crossed": ["r"], "main.lists": ["l"], "main.numbers": ["x"], "main.only_here": ["(missing in a)"],
        "main.rows": ["(2 rows in a, 3 in b)", "r"], "main.types": ["(types)", "t"], "main.zeros": ["z"],
    }  # fmt: skip
    assert differing_tables(one, other)["meta.run"] == ["at"]
    assert differing_tables(one, one) == {}
    assert "main.numbers" not in differing_tables(one, other, exempt={"main.numbers": "*"})


def test_threads_and_memory_reach_duckdb(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = Home(tmp_path / "home")
    shutil.copytree(home / "dbt", own.root / "dbt")
    dbt.build_file(own).parent.mkdir(parents=True)
    monkeypatch.setenv("EVATLAS_THREADS", "3")
    monkeypatch.setenv("EVATLAS_MEMORY", "700MB")
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    query = "select current_setting('threads') || ' ' || current_setting('memory_limit') || ' ' || current_setting('TimeZone') as set_to"
    said = list(dbt.run(own, ["show", "--inline", query]))
    assert any("3 667.5 MiB UTC" in str(event) for event in said), said[-3:]


def test_a_city_of_five_units_has_five(home: Path) -> None:  # noqa: C901 - the typology once more, in plain Python
    """Typologies against fractions: no sum of thirds falls short of a threshold that it reaches."""
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as con:
        assert con.execute("select count(*) from (select 1 from intermediate.int_firms__segmented group by firm_id having sum(share) <> 1)").fetchone() == (0,)
        segments: dict[str, list[tuple[str, Fraction]]] = {}
        for firm, family, segment_id, position in con.execute(
            "select firm_id, family, segment_id, position from intermediate.int_firms__segmented join seeds.segments using (segment_id)"
        ).fetchall():
            segments.setdefault(firm, []).append((family if segment_id != "ice_powertrain" else "", Fraction(1, position)))
        units: dict[tuple[str, int], dict[str, Fraction]] = {}
        for city, year, family in con.execute(
            "select city_id, year, family from intermediate.int_plants__yearly where is_ev and family is not null"
        ).fetchall():
            families = units.setdefault((city, year), {})
            families[family] = families.get(family, Fraction()) + 1
        for city, year, firm in con.execute("select city_id, year, firm_id from intermediate.int_firms__yearly").fetchall():
            whole = sum(share for _, share in segments[firm])
            for family, share in segments[firm]:
                if family:
                    families = units.setdefault((city, year), {})
                    families[family] = families.get(family, Fraction()) + share / whole
        told = {(city, year): typology for city, year, typology in con.execute("select city_id, year, typology from mart_cluster").fetchall()}
    entropy = {
        place: -math.fsum(float(n / sum(families.values())) * math.log2(n / sum(families.values())) for n in families.values())
        for place, families in units.items()
    }
    usual = {
        year: statistics.median(entropy[place] for place, families in units.items() if place[1] == year and sum(families.values()) >= 5)
        for year in {year for (_, year), families in units.items() if sum(families.values()) >= 5}
    }
    wrong, at_threshold = [], 0
    for place, families in units.items():
        total, top = sum(families.values()), max(families, key=lambda f: families[f])
        at_threshold += total == 5 or families[top] / total == Fraction(3, 5)
        if total < 5:
            right = "nascent"
        elif families[top] / total >= Fraction(3, 5):
            right = "assembly-led" if top == "assembly" else f"specialised-{top}"
        elif sum(n / total >= Fraction(1, 10) for n in families.values()) >= 3 and entropy[place] >= usual[place[1]] - 1e-9:
            right = "integrated"
        else:
            right = "mixed"
        if told[place] != right:
            wrong.append((place, told[place], right))
    assert at_threshold > 50
    assert not wrong
