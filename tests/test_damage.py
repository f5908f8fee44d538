"""State that was damaged, lost or is held by somebody: made anew or gone around, with nothing lost.

Belongs here: single files of a home. Does not belong here: killed runs (test_janitor), hostile inputs (test_hostile).
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import polars as pl
import pytest

from atlas.version import changes
from atlas.version.contract import CONTRACT_VERSION
from ingest.home import Home, write_atomic
from ingest.store.landing import ALL, Landing
from orchestration.build import dbt, planning
from orchestration.commands import audit, janitor
from sources import all_sources

SOURCE = next(s for s in all_sources() if s.name == "heritage_cases")
TABLE = SOURCE.tables[0].name


@pytest.mark.parametrize("damage", ["cut", "lost", "schema cut", "blobs lost", "blobs cut", "blobs damaged"])
def test_landing_heals_from_what_the_source_says(tmp_path: Path, damage: str) -> None:
    home = Home(tmp_path)
    landing = Landing(home)
    assert landing.land(SOURCE).outcome == "landed"
    file = landing.table_path(SOURCE, TABLE, ALL)
    whole = pl.read_parquet(file)
    blobs = [p for p in (home.raw / "blobs").rglob("*") if p.is_file()]
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:100])
    elif damage == "lost":
        file.unlink()
    elif damage == "schema cut":
        path = landing.table_path(SOURCE, TABLE, "_schema")
        path.write_bytes(path.read_bytes()[:20])
    else:
        for blob in blobs:
            body = blob.read_bytes()
            blob.unlink() if damage == "blobs lost" else blob.write_bytes(body[:9] if damage == "blobs cut" else b"x" + body[1:])
        file.unlink()  # or nothing would have to be parsed again
    account = Landing(home).land(SOURCE)
    assert account.records_in == account.accepted + account.quarantined > 0
    store = Landing(home).store
    assert all(store.is_whole(blob.name) for blob in blobs)
    assert pl.read_parquet(file).drop("_fetched_at").equals(whole.drop("_fetched_at"))
    assert all(pl.read_parquet_schema(p) for p in (home.landing / SOURCE.name).rglob("*.parquet"))
    assert all(Landing(home).store.get(b.name) for b in blobs)


def test_a_published_file_that_somebody_holds_for_writing_is_compared_all_the_same(tmp_path: Path) -> None:
    sql = f"""create schema meta; create table meta.contract as select '{CONTRACT_VERSION}' as contract_version;
        create table indicator_latest as select 'i' as indicator_id, 'city' as geography_level, '1' as geography_id, '2024' as period, {{}}::double as value;
        create table finding as select 'F1' as finding_id, 'supported' as verdict, 1.0 as value"""
    for name, value in (("old", 1), ("new", 2)):
        with duckdb.connect(str(tmp_path / f"{name}.duckdb")) as con:
            con.execute(sql.format(value))
    hold = f"import duckdb; con = duckdb.connect({str(tmp_path / 'old.duckdb')!r}); print('held', flush=True); input()"
    holder = subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout and holder.stdout.readline() == "held\n"
    plan = planning.Plan("", "d2", "v2", "v0002-d2", 2, "2026-01-01", "", "", "", "v1", False)
    try:
        with pytest.MonkeyPatch.context() as patch, duckdb.connect(str(tmp_path / "new.duckdb"), read_only=True) as con:
            patch.setattr(changes, "policy_changes", lambda now, before: [])
            told = changes.compare(con, [], tmp_path / "old.duckdb", plan)
    finally:
        holder.communicate("\n")
    assert told["moved"] == [["i", "city", "1", "2024", 1.0, 2.0]]


def test_a_damaged_manifest_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path)
    write_atomic(dbt.manifest_path(home), '{"nodes": {')
    write_atomic(dbt.target_dir(home) / ".digest", dbt.project_digest())
    asked: list[list[str]] = []
    monkeypatch.setattr(dbt, "run", lambda _, args: asked.append(args) or [])
    dbt.ensure_manifest(home, lambda _: None)
    assert asked == [["parse"]]
    write_atomic(dbt.manifest_path(home), "{}")
    dbt.ensure_manifest(home, lambda _: None)
    assert len(asked) == 1


def test_a_damaged_history_is_set_aside_with_a_word(tmp_path: Path) -> None:
    home, said = Home(tmp_path), []
    write_atomic(home.dagster / "history" / "runs.db", b"not a database, but long enough to be looked at" * 50)
    janitor.janitor(home, said.append)
    assert not (home.dagster / "history").exists() and "set aside" in said[0]
    assert len(list(home.dagster.glob("history.damaged-*/runs.db"))) == 1


def test_a_network_that_is_gone_is_said_once_a_source() -> None:
    from ingest.declaration import Health
    from ingest.store.landing import Account

    def failed(source: str, partition: str, host: str, **more: int) -> Account:
        return Account(source, partition, "failed", Health.unreachable, message=f"dns: {host} has no address here", tables=more)

    books = [failed("sites", f"2026-10__{n:02}", f"www.{n}.cn") for n in range(50)] + [failed("list", "all", "www.list.cn", firms=7)]
    first, second = audit.unreached(books)
    assert "50 partitions (2026-10__00 to 2026-10__49): unreachable: dns: www.0.cn" in first and "49 more" in first and "nothing has landed" in first
    assert "list all: unreachable" in second and "stands for 1 of 1" in second


@pytest.mark.parametrize("before", [False, True], ids=["objects", "one file, as homes of before have it"])
def test_an_entry_of_the_journal_that_was_cut_costs_no_other(tmp_path: Path, before: bool) -> None:
    store = Landing(Home(tmp_path)).store
    made = [store.record("s", partition, [], "ok") for partition in ("a", "b")]
    if before:
        shutil.rmtree(tmp_path / "raw/s/journal")
        lines = "".join(json.dumps(entry, ensure_ascii=False, sort_keys=True) + "\n" for entry in made)
        (tmp_path / "raw/s/journal.jsonl").write_text(lines[:-30])
    else:
        cut = tmp_path / "raw" / store.names("s", "b")[0]
        cut.write_bytes(cut.read_bytes().replace(b"ok", b"no"))
        assert store.damaged("s") == [f"s/journal/{cut.name}"]
    store.record("s", "c", [], "ok")
    fresh = Landing(Home(tmp_path)).store
    assert fresh.sources() == ["s"] and [e["partition"] for e in fresh.entries("s")] == ["a", "c"]
    assert [len(list(fresh.entries("s", name))) for name in "abc"] == [1, 0, 1]
