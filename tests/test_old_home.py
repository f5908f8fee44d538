"""A home that version 0.1.0 published goes on living: refreshed by today's code, with its history, its answers and its versions.

Belongs here: the fixture tests/data/homes/home_0.1.0.tar.xz from end to end. Does not belong here: the table of names (test_contract).
"""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import duckdb
import polars as pl
import pytest

from tests.conftest import REPO, make

KEYS = ["indicator_id", "geography_level", "geography_id", "period"]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The home after a refresh, and what the refresh said."""
    home = tmp_path_factory.mktemp("old")
    with tarfile.open(REPO / "tests/data/homes/home_0.1.0.tar.xz") as archive:
        archive.extractall(home, filter="tar")
    run = make("orchestration.commands.refresh", home)
    assert run.code == 0, run.out
    return home, run.out


def test_it_is_refreshed_and_says_so_in_one_sentence(lived: tuple[Path, str]) -> None:
    home, _ = lived
    manifest = json.loads((home / "published/current/manifest.json").read_text("utf-8"))
    assert manifest["sequence"] == 3 and manifest["contract"].startswith("2.")
    assert "published under older names of tables and columns" in (home / "published/current/CHANGES.md").read_text("utf-8")


def test_what_a_user_supplied_is_still_there(lived: tuple[Path, str]) -> None:
    with duckdb.connect(str(lived[0] / "published/current/atlas.duckdb"), read_only=True) as con:
        assert con.execute("select file, outcome from meta.supplied").fetchall() == [("plants/mine.csv", "added")]
        assert con.execute("select city_id, opened_year from plant where source_id = 'inbox'").fetchall() == [("370100", 2021)]


def test_an_as_of_answer_has_the_values_that_it_had(lived: tuple[Path, str], tmp_path: Path) -> None:
    home, _ = lived
    then = pl.read_csv(home / "as_of_2026-12-02.csv", infer_schema_length=None, schema_overrides={"geography_id": pl.String, "period": pl.String})
    run = make(f"orchestration.commands.as_of --version v0002-20261201-7df6ce9a --out {tmp_path / 'now.csv'}", home)
    assert run.code == 0, run.out
    now = pl.read_csv(tmp_path / "now.csv", infer_schema_length=None, schema_overrides={"geography_id": pl.String, "period": pl.String})
    both = then.rename({"indicator": "indicator_id"}).join(now, on=KEYS, how="full", coalesce=True, suffix="_now", nulls_equal=True)
    assert both.height == then.height == now.height > 600
    for column in ("value", "lo", "hi", "n_obs", "unit"):
        assert both[column].cast(pl.String).equals(both[f"{column}_now"].cast(pl.String), null_equal=True), column


def test_an_old_version_still_opens(lived: tuple[Path, str]) -> None:
    with duckdb.connect(str(lived[0] / "published/v0001-20261201-54aeb3e7/atlas.duckdb"), read_only=True) as con:
        assert con.execute("select contract_version from meta.contract").fetchall() == [("1.0.0",)]
        assert con.execute("select count(*) from indicator where indicator = 'firms_count'").fetchone() != (0,)
