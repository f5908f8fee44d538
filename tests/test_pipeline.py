"""The main job as a user meets it: fetch to publish on the bundled data, and what happens around it."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl
import pytest

from tests.conftest import REPO, Run, make

SEVEN = ["Shenzhen", "Shanghai", "Xi'an", "Hefei", "Guangzhou", "Chongqing", "Changsha"]


def query(root: Path, sql: str, *parameters: object) -> list[tuple]:
    con = duckdb.connect(str(root / "published/current/atlas.duckdb"), read_only=True)
    try:
        return con.execute(sql, list(parameters)).fetchall()
    finally:
        con.close()


@pytest.fixture
def own_home(home: Path, tmp_path: Path) -> Path:
    """A copy of the published home that a test may change."""
    target = tmp_path / "home"
    shutil.copytree(home, target, symlinks=True)
    return target


def test_the_account_tells_what_was_published(home: Path) -> None:
    log = (home / "first-run.log").read_text()
    for word in ("published v0001-", "curated_firms", "curated_plants", "atlas.duckdb"):
        assert word in log


def test_manifest_names_every_file_with_its_digest(published: Path) -> None:
    manifest = json.loads((published / "manifest.json").read_text())
    for name, entry in manifest["files"].items():
        assert hashlib.sha256((published / name).read_bytes()).hexdigest() == entry["sha256"], name
    listed = {p.relative_to(published).as_posix() for p in published.rglob("*") if p.is_file()}
    assert listed - set(manifest["files"]) == {"manifest.json"}


def test_the_seven_cities_lead_by_one_measure_or_another(home: Path) -> None:
    rows = query(
        home,
        """select c.name_en, m.rank_nev_output_newest, m.rank_capacity_vehicles, m.rank_plants, m.rank_firms
           from mart_cluster m join city c using (city_id)
           where year = (select max(year) from mart_cluster) and c.name_en in (select unnest(?))""",
        SEVEN,
    )
    assert {r[0] for r in rows} == set(SEVEN)
    for name, *ranks in rows:
        assert min(r for r in ranks if r is not None) <= 10, (name, ranks)
    by_output = {r[0] for r in rows if r[1] is not None and r[1] <= 10}
    assert by_output == set(SEVEN)
    # pages say of two of them only "more than 500,000": that must stay a bound and not become a figure
    bounds = query(home, "select c.name_en from mart_cluster m join city c using (city_id) where year = (select max(year) from mart_cluster) and nev_output_newest_is_lower_bound")
    assert {"Changsha", "Guangzhou"} <= {r[0] for r in bounds} and "Shanghai" not in {r[0] for r in bounds}


def test_each_leading_city_has_evidence_a_click_away(home: Path) -> None:
    rows = query(
        home,
        """select c.name_en, count(*) filter (where p.evidence_url like 'http%') from plant p join city c using (city_id)
           where c.name_en in (select unnest(?)) group by 1""",
        SEVEN,
    )
    assert len(rows) == 7 and all(n > 0 for _, n in rows), rows


def test_parquet_csv_and_duckdb_hold_the_same(published: Path, home: Path) -> None:
    rows = query(home, "select count(*) from mart_cluster")[0][0]
    assert pl.read_parquet(published / "tables/mart_cluster.parquet").height == rows
    raw = (published / "csv/mart_cluster.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf"), "spreadsheets need the BOM"
    assert sum(1 for _ in csv.reader(raw.decode("utf-8-sig").splitlines())) == rows + 1


def test_every_published_column_is_described(home: Path) -> None:
    rows = query(
        home,
        """select schema_name, table_name, column_name from duckdb_columns()
           where schema_name in ('main', 'metrics', 'meta') and not internal and coalesce(comment, '') = ''""",
    )
    assert rows == []


def test_each_mart_says_what_a_row_is_what_it_is_for_and_what_not(home: Path) -> None:
    tables = query(home, "select table_name, comment from duckdb_tables() where schema_name in ('main', 'metrics')")
    metrics = {p.stem for p in (REPO / "dbt_project/models/metrics").iterdir() if p.suffix in (".sql", ".py")}
    judged = {name: text or "" for name, text in tables if name.startswith(("mart_", "indicator", "finding")) or name in metrics}
    assert len(judged) > 25
    lacking = {name: text for name, text in judged.items() if not re.search(r"^One row per .*\bFor .*\b([Nn]ot|never)\b", text, re.S)}
    assert lacking == {}


def test_null_has_a_reason(home: Path) -> None:
    assert query(home, "select count(*) from indicator where value is null and null_reason is null") == [(0,)]
    assert query(home, "select count(*) from indicator where value is not null and null_reason is not null") == [(0,)]
    for table, column in [("mart_heritage", "share_lineage_plants"), ("mart_involution", "utilisation"), ("mart_segment_structure", "lq_plants")]:
        assert query(home, f"select count(*) from {table} where {column} is null and null_reason is null") == [(0,)], table


def test_unverified_rows_stay_marked(home: Path) -> None:
    unverified = query(home, "select count(*) from plant where opened_support = 'unverified'")[0][0]
    assert unverified > 0
    assert query(home, "select count(*) from mart_cluster where quality_flag = 'sourced' and unverified_share > 0") == [(0,)]


def test_tables_do_not_contradict_each_other(home: Path) -> None:
    """Each line is a contradiction that an analyst met by joining two tables, or two columns of one."""
    for what, sql in {
        "parts of the EV-capable plants": "from mart_cluster where n_ev_plants <> n_ev_vehicle_plants + n_battery_plants + n_ev_other_plants",
        "cell plants by profile and by cluster": "from mart_city_profile p join mart_cluster m using (city_id, year) where p.n_battery_plants <> m.n_battery_plants",
        "an EV year after the holder left": "from plant where ev_from_year > closed_year",
        "a sum of millions called a rate": "from policy_instrument where amount_role = 'rate' and unit = 'CNY' and amount >= 5e7",
        "utilisation without its bound": "from mart_city_profile where (utilisation is null) <> (utilisation_bound is null) or (utilisation is null) <> (utilisation_null_reason is not null)",
        "entropy above that of the classes": "from mart_policy_toolkit where mix_entropy_bits > log2((select count(distinct seed_tool) from instrument))",
        "a finding outside its interval": "from finding where value not between lo and hi",
    }.items():
        assert query(home, f"select count(*) {sql}") == [(0,)], what
    # cities with a known capital participation are the same in the finding and in the mart beside it, municipalities among them
    assert query(home, "select n_obs from finding where finding_id = 'F5'") == query(home, "select sum(n_cities_capital_participation) from mart_fiscal_limits")


def test_findings_are_computed_by_the_published_query(home: Path) -> None:
    rows = query(home, "select finding_id, value, coverage, verdict, threshold, min_coverage, evidence_query from finding order by 1")
    assert [r[0] for r in rows] == [f"F{i}" for i in range(1, 9)]
    for name, value, coverage, verdict, threshold, least, sql in rows:
        again = query(home, sql)[0]
        assert again[0] == value and again[1] == coverage, name
        expected = "undetermined" if value is None or coverage is None or coverage < least else (
            "supported" if value >= threshold else "not_supported"
        )  # fmt: skip
        assert verdict == expected, name


def test_books_of_every_source_balance(home: Path) -> None:
    rows = pl.read_parquet(home / "landing/_meta/accounts.parquet")
    assert rows.filter(pl.col("records_in") != pl.col("accepted") + pl.col("quarantined")).height == 0
    assert rows["records_in"].sum() > 1000


def test_nothing_new_publishes_nothing(own_home: Path) -> None:
    before = os.readlink(own_home / "published/current")
    run = make("orchestration.commands.refresh", own_home)
    assert run.code == 0 and "nothing new" in run.out, run.out
    assert os.readlink(own_home / "published/current") == before


PLANT = "operator_zh,city,product,plant_name,opened_year,capacity,capacity_unit,powertrain_at_opening\n比亚迪汽车有限公司,济南,整车,测试济南工厂,2015,300000,vehicles_per_year,ev\n"
KNOWN = "比亚迪,济南,整车,,2022,300000,vehicles_per_year,ev\n"  # the list has it
OUTPUT = "city,year,product,output,unit,source_url\n广州,2023,nev,61.2,万辆,https://example.org/page\n西安,2024,nev,120,万辆,\n"


JINAN = "select m.n_ev_plants from mart_cluster m join city c using (city_id) where c.name_en = 'Jinan' and year = 2024"
TOOLS = "select coverage, verdict from finding where finding_id = 'F4'"


@dataclass
class Brought:
    """A home before and after a refresh with what a person brought."""

    home: Path
    run: Run
    plants: int  # in Jinan, before
    tools: list[tuple]  # finding F4, before
    then: str  # the version before
    reader_errors: list[str]  # of somebody who read all the while


@pytest.fixture(scope="module")
def brought(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Brought:
    """A plant, a register of one firm and two files that cannot be taken; one refresh for the tests of what follows."""
    own = tmp_path_factory.mktemp("brought") / "home"
    shutil.copytree(home, own, symlinks=True)
    for kind in ("plants", "firms"):
        (own / "inbox" / kind).mkdir(parents=True, exist_ok=True)
    (own / "inbox/plants/mine.csv").write_text(PLANT + KNOWN, encoding="utf-8")
    (own / "inbox/city_output").mkdir(exist_ok=True)
    (own / "inbox/city_output/figures.csv").write_text(OUTPUT, encoding="utf-8")
    (own / "inbox/plants/broken.csv").write_bytes(b"\xff\xfe\x00garbage")
    (own / "inbox/plants/renamed.csv").write_text("maker,town\nx,y\n", encoding="utf-8")
    (own / "inbox/firms/mine.csv").write_text("name_zh,city,business_scope\n测试锂电池厂,济南市,锂离子电池制造\n", encoding="utf-8")
    plants, tools = query(own, JINAN)[0][0], query(own, TOOLS)
    then = json.loads((own / "published/current/manifest.json").read_text())["version"]
    assert make(f"orchestration.commands.as_of --version {then} --out {own}/then.csv", own).code == 0
    errors: list[str] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.wait(0.05):  # twenty questions a second; without a pause the reader takes as much CPU as the build
            try:
                assert query(own, "select count(*) from mart_cluster")[0][0] > 0
            except Exception as error:  # any error of a reader is the failure under test
                errors.append(repr(error))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        run = make("orchestration.commands.refresh", own)
    finally:
        stop.set()
        reader.join()
    assert run.code == 0, run.out
    return Brought(own, run, plants, tools, then, errors)


def test_inbox_plant_shows_and_its_removal_changes_nothing(brought: Brought) -> None:
    home, out = brought.home, brought.run.out
    assert brought.reader_errors == []
    assert "renamed.csv" in out and "missing_column" in out, out
    assert query(home, JINAN)[0][0] == brought.plants + 1
    assert query(home, "select operator, city_id, source_id from plant where plant_name = '测试济南工厂'") == [
        ("比亚迪汽车有限公司", "370100", "inbox")
    ]
    assert query(home, "select count(*) from meta.quarantine where source_id = 'inbox'")[0][0] >= 2
    # a register covers its city with firms, not with policies
    assert query(home, "select count(*) from meta.coverage where source_id = 'inbox' and covered") == [(1,)]
    assert query(home, TOOLS) == brought.tools
    changes = (home / "published/current/CHANGES.md").read_text()
    assert "| city_output/figures.csv | not there | 1 corrected, 1 lost |" in changes and "| plants/mine.csv | not there | 1 added, 1 confirmed |" in changes, changes
    # the audit of every record, and its line at the end of the refresh
    told = query(home, "select file, record_no, outcome, columns_changed from meta.supplied where record_no > 0 order by file, record_no")
    assert told == [
        ("city_output/figures.csv", 1, "corrected", "vehicles"), ("city_output/figures.csv", 2, "lost", None), ("firms/mine.csv", 1, "added", None),
        ("plants/mine.csv", 1, "added", None), ("plants/mine.csv", 2, "confirmed", None),
    ]  # fmt: skip
    assert "supplied: 5 files: 2 added, 1 corrected, 1 confirmed, 1 lost, 2 quarantined (meta.supplied says against what and why)" in out, out

    version = os.readlink(home / "published/current")
    (home / "inbox/plants/mine.csv").unlink()
    run = make("orchestration.commands.refresh", home)
    assert run.code == 0 and "nothing new" in run.out, run.out
    assert "plants/mine.csv is no longer in the inbox; what it said stands; `make withdraw FILE=plants/mine.csv WHY=...` takes it out" in run.out, run.out
    assert os.readlink(home / "published/current") == version
    assert query(home, JINAN)[0][0] == brought.plants + 1


def test_indicator_history_keeps_the_replaced_value(brought: Brought) -> None:
    home = brought.home
    assert make(f"orchestration.commands.as_of --version {brought.then} --out {home}/again.csv", home).code == 0
    assert make(f"orchestration.commands.as_of --date 2999-01-01 --out {home}/now.csv", home).code == 0
    before, again, now = ((home / name).read_bytes() for name in ("then.csv", "again.csv", "now.csv"))
    assert before == again, "the indicators of an earlier moment are no longer what they were"
    assert now != before and now.count(b"\n") >= before.count(b"\n")
    early = make(f"orchestration.commands.as_of --date 1999-01-01 --out {home}/none.csv", home)
    assert early.code == 1 and "nothing was known as of 1999-01-01" in early.out and not (home / "none.csv").exists()
    assert make(f"orchestration.commands.as_of --date tomorrow --out {home}/none.csv", home).code == 2
    rows = query(
        home,
        """select vintage_id, value, known_to is null from indicator where indicator_id = 'ev_plants_count'
           and geography_id = '370100' and period = '2024' order by known_to nulls last""",
    )
    assert len(rows) == 2 and rows[1][1] == rows[0][1] + 1
    assert [r[2] for r in rows] == [False, True]
    doubles = "select count(*) - count(distinct (indicator_id, geography_level, geography_id, period)) from indicator_latest"
    assert query(home, doubles) == [(0,)]


def test_a_withdrawn_file_is_out_of_the_next_version_and_stays_in_the_audit(brought: Brought) -> None:
    home = brought.home
    blobs = {p.name for p in (home / "raw/blobs").rglob("*")}
    told = make("sources.inbox.withdraw --file plants/mine.csv --why typed-from-memory", home)
    assert told.code == 0 and "plants/mine.csv is withdrawn" in told.out, told.out
    run = make("orchestration.commands.refresh", home)
    assert run.code == 0 and "plants/mine.csv was withdrawn: typed-from-memory" in run.out, run.out
    assert query(home, JINAN)[0][0] == brought.plants and query(home, "select count(*) from plant where source_id = 'inbox'") == [(0,)]
    rows = query(home, "select record_no, outcome, reason from meta.supplied where file = 'plants/mine.csv'")
    assert rows == [(0, "withdrawn", "plants/mine.csv was withdrawn: typed-from-memory")]
    assert query(home, "select count(*) from meta.quarantine where reason = 'withdrawn'") == [(1,)]
    assert blobs <= {p.name for p in (home / "raw/blobs").rglob("*")}


def test_a_second_version_is_made_again_from_raw_and_history_alone(brought: Brought) -> None:
    """With files that users supplied, two of them refused: `make verify` lands from the journal and starts from the history."""
    home = brought.home
    run = make("orchestration.commands.verify", home, EVATLAS_THREADS="4", TZ="America/New_York")
    assert run.code == 0, "\n".join(line for line in run.out.splitlines() if "DIFFERS" in line or "cannot" in line) or run.out
    assert "the same: " in run.out and json.loads((home / "published/current/manifest.json").read_text())["sequence"] >= 2
    assert not list(home.glob(".verify-*")), "nothing is left behind"


def test_a_failing_data_test_stops_the_publication_and_names_itself(own_home: Path, tmp_path: Path) -> None:
    """A copy of the project with a test that must fail: current stays, the message names model and test."""
    copy = tmp_path / "checkout"
    shutil.copytree(REPO, copy, ignore=lambda folder, names: {n for n in names if n in (".venv", ".git", "__pycache__", "target") or (n == "data" and Path(folder) == REPO)})
    # of a seed that nearly all depends on: dbt leaves the rest of the build out
    (copy / "dbt_project/tests/assert_cities_are_none.sql").write_text("select * from {{ ref('cities') }}")
    before = os.readlink(own_home / "published/current")
    run = make_in(copy, own_home)
    assert run.code == 1
    assert "assert_cities_are_none" in run.out and "cities" in run.out and "see the rows" in run.out, run.out
    assert os.readlink(own_home / "published/current") == before


def make_in(checkout: Path, home: Path) -> Run:
    return make("orchestration.commands.refresh --force", home, PYTHONPATH=str(checkout), EVATLAS_TEST_CWD=str(checkout))


def test_published_schema_is_only_added_to(home: Path) -> None:
    """The schema of the contract, kept beside this test; a column that goes or changes type fails here."""
    kept = json.loads((REPO / "tests/contract_schema.json").read_text())
    now = {
        f"{s}.{t}.{c}": d
        for s, t, c, d in query(home, "select schema_name, table_name, column_name, data_type from duckdb_columns() where schema_name in ('main', 'metrics', 'meta') and not internal")
    }
    broken = {name: (kind, now.get(name)) for name, kind in kept.items() if now.get(name) != kind}
    assert broken == {}, "promised columns that are gone or have another type (a breaking change)"
