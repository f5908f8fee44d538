"""A version is a function of files: another clone, day, time zone and number of threads give the same bytes, and so does a home
made anew from what it keeps.

Belongs here: whole refreshes that are compared. Does not belong here: the warehouse alone (test_same_tables.py), names and
histories of versions (test_history.py).
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb
import pytest

from ingest.home import Home
from ingest.store.landing import Landing
from orchestration.build import history, planning
from orchestration.commands import verify
from sources import all_sources
from tests.conftest import REPO, make

LATER = "+500d"


def manifest_of(home: Path) -> dict:
    return json.loads((home / "published/current/manifest.json").read_text("utf-8"))


@pytest.mark.skipif(shutil.which("faketime") is None, reason="faketime is not on this machine (Debian's package faketime)")
def test_another_clone_on_another_day_gives_the_same_bytes(home: Path, tmp_path: Path) -> None:
    clone, own = tmp_path / "some/other clone", tmp_path / "own"
    left = {".venv", ".git", "__pycache__", "target", "logs", ".pytest_cache", ".mypy_cache", ".ruff_cache"}
    shutil.copytree(REPO, clone, ignore=lambda folder, names: {n for n in names if n in left or (n == "data" and Path(folder) == REPO)})
    run = make(
        "orchestration.commands.refresh", own, under=(str(shutil.which("faketime")), "-f", LATER),
        EVATLAS_THREADS="4", EVATLAS_MEMORY="1500MB", TZ="Pacific/Kiritimati", PYTHONPATH=str(clone), EVATLAS_TEST_CWD=str(clone),
    )  # fmt: skip
    assert run.code == 0, run.out
    here, there = manifest_of(home), manifest_of(own)
    assert there["built_at"] > "2027" and there["built_at"][:10] != here["built_at"][:10], "the clock of the second build was moved"
    assert there["version"] == here["version"] and there["digest"] == here["digest"]
    lines, same = verify.compared((home / "published/current").resolve(), (own / "published/current").resolve())
    assert same, "\n".join(line for line in lines if "DIFFERS" in line)
    for name in ("tables/mart_cluster.parquet", "csv/mart_cluster.csv", "geo/clusters.geojson", "atlas.html", "figures/map.png", "json/index.json"):
        assert (home / "published/current" / name).read_bytes() == (own / "published/current" / name).read_bytes(), name
    assert not any(str(own) in (own / "published/current" / name).read_text("utf-8") for name in ("dbt_docs.html", "atlas.html", "datapackage.json"))


def test_the_comparison_sees_one_byte_and_one_value(home: Path, tmp_path: Path) -> None:
    one, other = (home / "published/current").resolve(), tmp_path / "other"
    shutil.copytree(one, other)
    for name in ("csv/city.csv", "atlas.duckdb"):
        (other / name).chmod(0o644)
    with open(other / "csv/city.csv", "ab") as handle:
        handle.write(b" ")
    with duckdb.connect(str(other / "atlas.duckdb")) as con:
        con.execute("update mart_cluster set n_firms = n_firms + 1 where city_id = '440300' and year = 2020")
        con.execute("update meta.run set run_id = 'another'")
        con.execute("comment on column plant.capacity is 'in dozens'")
        con.execute("comment on table city is 'one row a village'")
    lines, same = verify.compared(one, other)
    assert not same
    assert [line.strip() for line in lines if "DIFFERS" in line] == [
        "table main.city: DIFFERS in comment on the table", "table main.mart_cluster: DIFFERS in n_firms",
        "table main.plant: DIFFERS in comment on capacity", "file csv/city.csv DIFFERS",
    ]  # fmt: skip


def test_the_files_of_a_version_are_held_against_its_manifest(home: Path, tmp_path: Path) -> None:
    """Also those that a second build may write otherwise: nothing but the manifest itself is free."""
    one, other = (home / "published/current").resolve(), tmp_path / "other"
    assert verify.damaged_files(one, manifest_of(home)) == []
    shutil.copytree(one, other)
    (other / "csv").chmod(0o755)
    run = other / "csv/meta_run.csv"
    run.chmod(0o644)
    run.write_bytes(run.read_bytes().replace(b"2", b"3"))
    (other / "csv/city.csv").unlink()
    (other / "csv/more.csv").write_text("a\n")
    assert verify.damaged_files(other, manifest_of(home)) == [
        "file csv/city.csv is gone from the published version", "file csv/meta_run.csv has another digest than manifest.json says",
        "file csv/more.csv is not in manifest.json",
    ]  # fmt: skip


def test_raw_bytes_that_are_not_what_the_journal_says_are_named(home: Path, tmp_path: Path) -> None:
    own = Home(tmp_path / "own")
    shutil.copytree(home / "raw", own.raw)
    assert verify.damaged_blobs(own) == []
    one, other = sorted(p for p in (own.raw / "blobs").rglob("*") if p.is_file())[:2]
    one.unlink()
    body = other.read_bytes()
    other.write_bytes(bytes([body[0] ^ 1]) + body[1:])
    said = "\n".join(verify.damaged_blobs(own))
    assert f"{one.name} of" in said and "is gone" in said and f"{other.name} of" in said and "is damaged" in said and said.count("\n") == 1


def test_raw_alone_gives_a_first_version_in_whatever_order_it_landed(home: Path, tmp_path: Path) -> None:
    """No build: the plan says which version it would be."""
    own = Home(tmp_path / "own")
    shutil.copytree(home / "raw", own.raw)
    landing = Landing(own)
    for source in reversed(all_sources()):
        landing.ensure_schema(source)
        landing.rebuild(source)
    plan = planning.make_plan(own, all_sources(), "test")
    assert plan.digest == manifest_of(home)["digest"] and plan.sequence == 1 and not plan.unchanged
    (entry,) = history.entries(Home(home))
    assert history.digest_of(plan.inputs, None) == plan.digest == entry.digest

    # after another version: whether that one is here to be compared with shows in what CHANGES says, and so in the digest
    before = history.Entry(1, "v0001-20260101-bbbbbbbbbbbb", "b" * 64, "other", "2026-01-01", None, entry.indicator_sha256, {})
    history.write(own, before, home / "published/current/tables/indicator.parquet")
    alone = planning.make_plan(own, all_sources(), "test")
    (own.published / before.version).mkdir(parents=True)
    (own.published / before.version / "manifest.json").write_text(json.dumps({"sequence": 1}))
    assert planning.make_plan(own, all_sources(), "test").digest == alone.digest, "a folder without its database tells nothing"
    (own.published / before.version / "atlas.duckdb").touch()
    beside = planning.make_plan(own, all_sources(), "test")
    assert alone.previous == beside.previous == "b" * 12 and alone.digest != beside.digest


def test_files_of_users_land_the_same_in_whatever_order_and_on_whatever_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import UTC, datetime

    import sources.inbox as inbox

    source = next(s for s in all_sources() if s.name == "inbox")
    files = {
        "plants/one.csv": "operator_zh,city,product,plant_name,opened_year,as_of\n甲汽车有限公司,济南,整车,一厂,2021,2026-03-01\n",
        "plants/two.csv": "operator_zh,city,product,plant_name,opened_year\n甲汽车有限公司,济南,整车,一厂,2022\n乙汽车有限公司,合肥,整车,二厂,2020\n",
        "city_output/out.csv": "city,year,product,output,unit\n合肥,2019,nev,1200,vehicles\n",
        "plants/again/double.csv": "operator_zh,city,product,plant_name,opened_year,as_of\n甲汽车有限公司,济南,整车,一厂,2021,2026-03-01\n",
    }
    ledgers, landed = [], []
    for name, order, day in (("a", list(files), 1), ("b", list(files)[::-1], 400)):
        home = Home(tmp_path / name)

        class Clock(datetime):
            @classmethod
            def now(cls, tz: object = None, day: int = day) -> datetime:  # type: ignore[override]
                return datetime.fromtimestamp(1_780_000_000 + 86_400 * day, UTC)

        monkeypatch.setattr(inbox.dt, "datetime", Clock)
        for file in order:  # brought one after the other, each landed before the next comes
            path = home.inbox / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[file], encoding="utf-8")
            landing = Landing(home)
            for partition in landing.partitions(source):
                landing.land(source, partition)
        monkeypatch.undo()
        ledgers.append(Landing(home).write_ledger([source]))
        landed.append({p.relative_to(home.landing).as_posix(): p.read_bytes() for p in sorted(home.landing.rglob("inbox/*/*.parquet"))})
    assert landed[0] == landed[1] and {"plants-again-double-csv", "plants-two-csv", "city_output-out-csv"} <= {n.split("/")[2].rpartition("-")[0] for n in landed[0]}
    days = [{e["fetched_at"][:10] for e in Landing(Home(tmp_path / name)).store.entries("inbox")} for name in ("a", "b")]
    assert not days[0] & days[1], "the clock of the second home was moved"
    assert ledgers[0] == ledgers[1]
