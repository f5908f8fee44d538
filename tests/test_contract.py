"""What the published names mean is promised with them: a change of meaning moves the contract's version; one name is one thing.

Belongs here: descriptions against the version, the rules that names follow, names of before (renames.csv). Does not belong here:
which names there are (test_pipeline.py, contract_schema.json).

After a change of descriptions: `python -m tests.test_contract <home>` writes the record anew. Where a description now says another
thing, CONTRACT_VERSION (atlas/version/contract.py) moves first; where it says the same in other words, the record alone does.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import duckdb
import polars as pl
import pytest

from atlas.version import compare, renames
from atlas.version.contract import CONTRACT_VERSION
from ingest.home import SEEDS
from orchestration.build import history
from orchestration.build.planning import INDICATOR_SCHEMA
from tests.conftest import REPO

RECORD = Path(__file__).parent / "contract_meanings.json"


def meanings(published: Path) -> dict[str, str]:
    """Table -> digest of what the dictionary of a version says of its columns: type, key, unit, description."""
    found: dict[str, list[str]] = {}
    with open(published / "data_dictionary.csv", encoding="utf-8-sig", newline="") as handle:
        for row in csv.DictReader(handle):
            said = [row[k] for k in ("column", "type", "key", "unit", "description")]
            found.setdefault(row["table"], []).append(json.dumps(said, ensure_ascii=False))
    return {table: hashlib.sha256("\n".join(sorted(rows)).encode()).hexdigest()[:16] for table, rows in sorted(found.items())}


def test_a_change_of_meaning_moves_the_contract(published: Path) -> None:
    record = json.loads(RECORD.read_text("utf-8"))
    now = meanings(published)
    changed = sorted(t for t in now.keys() | record["tables"].keys() if now.get(t) != record["tables"].get(t))
    assert changed == [], f"what columns of these tables mean was written anew; see the top of {Path(__file__).name}"
    assert record["contract"] == CONTRACT_VERSION, f"the contract moved: see the top of {Path(__file__).name}"


# -- one name, one type, one unit -------------------------------------------------------------------------------------------
def several(rows: Iterable[tuple[str, str, str]]) -> dict[str, list[str]]:
    """(column, what it is, table) -> the columns that are several things, each with one table of each."""
    seen: dict[str, dict[str, str]] = {}
    for column, kind, table in rows:
        seen.setdefault(column, {}).setdefault(kind, table)
    return {column: [f"{kind or 'none'} in {table}" for kind, table in kinds.items()] for column, kinds in seen.items() if len(kinds) > 1}


def columns(published: Path) -> list[tuple[str, str, str]]:
    """(table, column, type) of everything published."""
    with duckdb.connect(str(published / "atlas.duckdb"), read_only=True) as con:
        return con.execute("select schema_name || '.' || table_name, column_name, data_type from duckdb_columns() where not internal").fetchall()


def test_a_name_with_two_meanings_is_found() -> None:
    rows = [("valid_from", "INTEGER", "a"), ("valid_from", "VARCHAR", "b"), ("year", "INTEGER", "a"), ("year", "INTEGER", "b")]
    assert several(rows) == {"valid_from": ["INTEGER in a", "VARCHAR in b"]}


def test_one_name_is_one_type_and_one_unit_over_all_tables(published: Path) -> None:
    assert several((column, kind, table) for table, column, kind in columns(published)) == {}
    with open(published / "data_dictionary.csv", encoding="utf-8-sig", newline="") as handle:
        assert several((row["column"], row["unit"], row["table"]) for row in csv.DictReader(handle)) == {}


#: Ending or beginning of a name -> the types that it may have.
BY_NAME = {
    r"_id$": {"VARCHAR"}, r"_on$": {"DATE"}, r"_precision$": {"VARCHAR"}, r"(?<!_part)_year$": {"INTEGER"}, r"_share$": {"DOUBLE"},
    r"^n_": {"INTEGER", "BIGINT"}, r"_cny_m$": {"DOUBLE"}, r"^is_": {"BOOLEAN"},
}  # fmt: skip


def test_a_name_says_what_type_it_has(published: Path) -> None:
    found = columns(published)
    odd = [f"{t}.{c}: {k}" for t, c, k in found for pattern, kinds in BY_NAME.items() if re.search(pattern, c) and k not in kinds]
    assert odd == []
    names = {(t, c) for t, c, _ in found}
    assert [f"{t}.{c}" for t, c in sorted(names) if c.endswith("_on") and (t, f"{c}_precision") not in names] == []
    old = sorted({c for _, c in names} & {"segment", "indicator", "source", "finding", "adcode", "recalled"} | {c for _, c in names if c.endswith("adcode")})
    assert old == [], "keys are <entity>_id"


def test_shares_lie_between_0_and_1(published: Path) -> None:
    with duckdb.connect(str(published / "atlas.duckdb"), read_only=True) as con:
        for table, column, _ in columns(published):
            if column.endswith("_share"):
                low, high = con.execute(f"select coalesce(min({column}), 0), coalesce(max({column}), 0) from {table}").fetchone()  # type: ignore[misc]
                assert -1e-9 <= low <= high <= 1 + 1e-9, f"{table}.{column}"


def test_no_table_stands_twice_and_each_in_its_schema(published: Path) -> None:
    tables = {t for t, _, _ in columns(published)}
    names = [t.split(".")[1] for t in tables]
    assert sorted(n for n in names if f"mart_{n}" in names or names.count(n) > 1) == []
    assert not {"metrics.plant_cluster", "metrics.policy_effect"} & tables
    models = {p.stem for p in (REPO / "dbt_project/models/metrics").iterdir() if p.suffix in (".sql", ".py")} - {"plant_cluster", "policy_effect"}
    assert {t for t in tables if t.startswith("metrics.")} == {f"metrics.{m}" for m in models}


# -- keys -------------------------------------------------------------------------------------------------------------------
#: Columns that name rows of several tables or of none published, and why they have no foreign key.
NO_TABLE = {
    "vintage_id": "a version", "run_id": "a run of the builder", "group_id": "no table of groups is published", "list_id": "a list of an authority",
    "rule_id": "rules of several tables", "source_record_id": "a record of a source", "entity_id": "of the table in entity_table",
    "geography_id": "of the level in geography_level", "cluster_id": "made in the table", "dbscan_cluster_id": "made in the table",
    "matched_prev_cluster_id": "made in the table", "predecessor_id": "a plant, firm or site, see predecessor_kind", "indicator_id": "the table itself",
    "place_id": "a district, city, province or the nation", "counted_place_id": "a city or province", "site_id": "the table itself",
}  # fmt: skip
NO_KEY = {
    ("mart_cluster_membership", "plant_id"): "seats of firms are members too", ("mart_policy_toolkit", "city_id"): "a city or a province, see level",
}  # fmt: skip


def test_every_id_is_a_foreign_key_that_holds(published: Path) -> None:
    package = json.loads((published / "datapackage.json").read_text("utf-8"))
    resources = {r["name"]: r for r in package["resources"]}
    lacking, n = [], 0
    with duckdb.connect(str(published / "atlas.duckdb"), read_only=True) as con:
        for name, resource in resources.items():
            schema = resource["schema"]
            keys = {k["fields"]: k["reference"] for k in schema.get("foreignKeys", [])}
            for column in (f["name"] for f in schema["fields"]):
                own = schema.get("primaryKey") == [column]
                if column.endswith("_id") and not own and column not in keys and column not in NO_TABLE and (name, column) not in NO_KEY:
                    lacking.append(f"{name}.{column}")
            for column, to in keys.items():
                other = resources[to["resource"] or name]
                assert other["schema"]["primaryKey"] == [to["fields"]], f"{name}.{column} names no key of {other['name']}"
                here, there = (re.sub("^(meta|metrics)_", r"\1.", x) for x in (name, other["name"]))
                where = "and instrument_id <> '*'" if name == "policy_rule" else ""
                lost = con.execute(f"select count(*) from {here} where {column} not in (select {to['fields']} from {there}) {where}").fetchone()
                assert lost == (0,), f"{name}.{column}: rows that {other['name']} does not have"
                n += 1
    assert lacking == [] and n > 50


def test_english_names_of_cities_are_unique(published: Path) -> None:
    with duckdb.connect(str(published / "atlas.duckdb"), read_only=True) as con:
        assert con.execute("select count(*) - count(distinct name_en) from city").fetchone() == (0,)
        assert con.execute("select name_en from city where city_id = '361000'").fetchone() == ("Fuzhou (Jiangxi)",)


# -- words of support -------------------------------------------------------------------------------------------------------
def unknown_words(files: Iterable[Path]) -> list[str]:
    """`table.column: word` for each word of support in Parquet or CSV files that the seed support_words does not have."""
    seed = pl.read_csv(SEEDS / "support_words.csv", infer_schema=False)["word"].to_list()
    found = set()
    for path in files:
        frame = pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path, infer_schema=False)
        name = "/".join(path.parts[-3:-1]) if path.suffix == ".parquet" else path.name
        for column in (c for c in frame.columns if c == "support" or c.endswith("_support")):
            for text in frame[column].drop_nulls().unique().to_list():
                words = [m[0] if (m := re.match(pattern, text)) else text for pattern in ("[a-z_]+", "[a-z_]+(:[a-z]+)?")]
                found |= {f"{name}.{column}: {word}" for word in words if word and word not in seed}
    return sorted(found)


def test_every_word_of_support_that_landed_is_in_the_seed(home: Path, tmp_path: Path) -> None:
    assert unknown_words([*(home / "landing").glob("*/*/*.parquet"), *SEEDS.glob("*.csv")]) == []
    (tmp_path / "toy" / "things").mkdir(parents=True)
    pl.DataFrame({"opened_support": ["seen:pages a", "rumoured", None]}).write_parquet(tmp_path / "toy" / "things" / "all.parquet")
    assert unknown_words(tmp_path.glob("*/*/*.parquet")) == ["toy/things.opened_support: rumoured"]


def test_support_is_one_of_three_words(published: Path) -> None:
    tiers = {"official", "firm", "press", "compiled", "copy", None}
    with duckdb.connect(str(published / "atlas.duckdb"), read_only=True) as con:
        for table, column, _ in columns(published):
            if column == "support" or column.endswith("_support") and not column.startswith("n_"):
                said = {w for (w,) in con.execute(f"select distinct {column} from {table}").fetchall()}
                assert said <= {"sourced", "derived", "unverified", None}, f"{table}.{column}"
            if column == "source_tier":
                odd = f"select count(*) from {table} where source_tier is not null and support <> 'sourced'"
                assert con.execute(odd).fetchone() == (0,), table
                assert {w for (w,) in con.execute(f"select distinct source_tier from {table}").fetchall()} <= tiers, table


# -- names of before --------------------------------------------------------------------------------------------------------
def test_every_new_name_of_the_table_of_renames_is_published(published: Path) -> None:
    now = {(t, c) for t, c, _ in columns(published)}
    tables = {t for t, _ in now}
    for row in renames.renames():
        if row.new_table:
            assert (row.new_table, row.new_column) in now if row.new_column else row.new_table in tables, row
        assert row.old_table.split(".")[0] in ("main", "meta") and (row.old_table, row.old_column) != (row.new_table, row.new_column) or row.read_as, row


def test_the_changelog_has_the_table_of_old_and_new_names() -> None:
    assert renames.as_markdown("2.0.0-alpha.3") in (REPO / "CHANGELOG.md").read_text("utf-8"), "python -m atlas.version.renames prints it"


def test_a_version_of_older_names_is_read_with_those_of_today(tmp_path: Path) -> None:
    """Two databases with the same content, one under the names of before: no value differs; one value moved: it is told."""
    old, new = tmp_path / "old.duckdb", tmp_path / "new.duckdb"
    with duckdb.connect(str(old)) as con:
        con.execute("create schema meta; create table meta.contract as select '2.0.0-alpha.2' as contract_version")
        con.execute("create table plant as select 'P1' as plant_id, '440300' as city_adcode, 'seen:pages x' as support")
        con.execute("create table firm as select 'F1' as firm_id, '2003-05' as founded_on, 2003 as founded_year")
        con.execute("create table anchor as select '440300' as city_id, 3::bigint as n_firms")
        con.execute("create table policy_effect as select 1 as estimate")
    with duckdb.connect(str(new)) as con:
        con.execute(f"create schema meta; create table meta.contract as select '{CONTRACT_VERSION}' as contract_version")
        con.execute("create table plant as select 'P1' as plant_id, '440300' as city_id, 'sourced' as support")
        con.execute("create table firm as select 'F1' as firm_id, date '2003-05-01' as founded_on, 2003 as founded_year")
        con.execute("create schema metrics; create table metrics.anchor as select '440300' as city_id, 3 as n_firms")
    assert renames.with_names_of_today(new, tmp_path) == new
    again = renames.with_names_of_today(old, tmp_path)
    assert compare.differing_tables(again, new) == {"meta.contract": ["contract_version"]}
    with duckdb.connect(str(new)) as con:
        con.execute("update metrics.anchor set n_firms = 4")
    assert compare.differing_tables(again, new)["metrics.anchor"] == ["n_firms"]


def test_a_rename_that_nobody_can_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "renames.csv"
    path.write_text("since,old_table,old_column,new_table,new_column,read_as\n2.0.0,main.a,b,main.a,c,nosuch\n")
    with pytest.raises(ValueError, match=r"renames.csv, line 2: .*nosuch"):
        renames.renames(path)


def test_renames_of_several_contracts_follow_each_other() -> None:
    rows = [renames.Rename("2.0.0", "main.a", "x", "main.a", "y", ""), renames.Rename("3.0.0", "main.a", "", "metrics.a", "", ""),
            renames.Rename("3.0.0", "main.a", "y", "metrics.a", "z", ""), renames.Rename("3.0.0", "main.a", "w", "", "", "")]  # fmt: skip
    at = {contract: renames.today("main.a", ["x", "y", "w", "k"], contract, rows) for contract in ("1.0.0", "2.0.0", "3.0.0")}
    assert {c: v[:2] for c, v in at["1.0.0"].items()} == {"x": ("metrics.a", "z"), "y": ("metrics.a", "z"), "k": ("metrics.a", "k")}
    assert at["2.0.0"]["x"][:2] == ("metrics.a", "x") and at["3.0.0"]["w"][:2] == ("main.a", "w")


def test_the_history_of_a_home_published_before_keeps_its_vintages(tmp_path: Path) -> None:
    cells = {**dict.fromkeys(INDICATOR_SCHEMA), "value": 3.0, "period": "2024", "vintage_id": "v", "known_from": "2026-01-01", "quality_flag": "mostly_recalled"}
    del cells["indicator_id"]
    old = tmp_path / "0001-a.parquet"
    pl.DataFrame([{"indicator": "ev_plants_count", **cells}]).write_parquet(old)
    frame = history.read(old)
    assert set(frame.columns) == set(INDICATOR_SCHEMA)
    assert frame.select("indicator_id", "value", "quality_flag", "known_from").row(0) == ("ev_plants_count", 3.0, "mostly_unverified", "2026-01-01")
    today = tmp_path / "0002-b.parquet"
    frame.write_parquet(today)
    assert history.read(today).equals(frame), "a file of today's names stays as it is"


if __name__ == "__main__":
    body = {"contract": CONTRACT_VERSION, "tables": meanings(Path(sys.argv[1]) / "published" / "current")}
    RECORD.write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")
