"""Backfills started from Dagster's UI, as the UI does it: several partitions at once, none lost, none twice."""

from __future__ import annotations

import json
import shutil
from contextlib import ExitStack
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from tests.replicas.base import serve
from tests.replicas.gleif import World, abroad, entity, lei_of, relationship
from tests.replicas.miit import Miit
from tests.ui_server import ui_server

BATCHES = ["401", "402", "404", "405"]
REFUSED = "2026-06-10-delta"
DATES = ["2026-06-14-delta", "2026-06-12-full", "2026-06-13-delta", REFUSED]


def accounts(home: Path, source: str) -> dict[str, dict]:
    return {p.stem: json.loads(p.read_text("utf-8")) for p in (home / "landing" / source / "_accounts").glob("*.json")}


@pytest.fixture(scope="module")
def world() -> World:
    made = World()
    parent = abroad(1, "Test Motoren AG")
    made.publish("2026-06-12T00:00", [*(entity(n) for n in range(1_100)), parent], [relationship(lei_of(10), parent["LEI"])])
    made.publish("2026-06-13T00:00", [entity(1_100)])
    made.publish("2026-06-14T00:00", [entity(1_101), entity(5, **{"Entity.EntityStatus": "INACTIVE"})])
    return made


def test_backfills_from_the_ui_land_every_partition_once(home: Path, tmp_path: Path, world: World) -> None:
    """MIIT batches and GLEIF dates, given out of order. One is a delta before the bootstrap: it is refused by name, its
    run says so, and it does not look as if it had been made; the others of its run are."""
    manifest, home = home / "dbt", tmp_path / "home"
    shutil.copytree(manifest, home / "dbt")
    miit = Miit(batches={int(batch): 300 + 60 * n for n, batch in enumerate(BATCHES)})
    with ExitStack() as stack:
        for replica in (miit, world.api, world.golden):
            stack.enter_context(serve(replica))
        origins = ",".join(f"{r.host}={r.origin}" for r in (miit, world.api, world.golden))
        with ui_server(home, EVATLAS_TEST_ORIGINS=origins) as ui:
            ui.add_partitions("miit_batch", BATCHES)
            ui.add_partitions("gleif_publish_date", DATES)
            batches = ui.backfill([["miit", "products"]], BATCHES)
            dates = ui.backfill([["gleif", "entities"], ["gleif", "parents"]], DATES)
            ui.finished(batches, dates)
            assert list(ui.runs(batches).values()) == ["SUCCESS"], ui.tail()
            assert list(ui.runs(dates).values()) == ["FAILURE"], ui.tail()
    # none lost: every partition has its file and its books, and the books balance
    books = accounts(home, "miit")
    assert {k: (a["outcome"], a["tables"]["products"]) for k, a in books.items()} == {
        batch: ("landed", 250 + 50 * n) for n, batch in enumerate(BATCHES)
    }
    assert all(a["records_in"] == a["accepted"] + a["quarantined"] > 0 for a in books.values())
    landed = pl.read_parquet(home / "landing/miit/products/4*.parquet")
    assert landed["record_id"].is_unique().all() and landed.height == sum(a["accepted"] for a in books.values())
    books = accounts(home, "gleif")
    assert {k: a["outcome"] for k, a in books.items()} == {k: "failed" if k == REFUSED else "landed" for k in DATES}
    assert "refused" in books[REFUSED]["message"] and books["2026-06-14-delta"]["tables"]["entities"] == 2
    # none twice: each page of each batch and each file was asked for exactly once, over one connection at a time
    asked = [(q["pc"], q["clmc"], q["pageNum"]) for q in miit.queries]
    assert len(asked) == len(set(asked)) and {pc for pc, _, _ in asked} == set(BATCHES)
    files = [r.path for r in world.golden.asked if r.path.endswith(".zip")]
    assert len(files) == len(set(files)) == 6 and sum("_full" in name for name in files) == 2
    assert miit.open_most == 1 and world.golden.open_most == 1
    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
        made = [key for key in DATES if key != REFUSED]
        for asset, keys in ((["miit", "products"], BATCHES), (["gleif", "entities"], made), (["gleif", "parents"], made)):
            assert instance.get_materialized_partitions(dg.AssetKey(asset)) == set(keys)
            events = instance.fetch_materializations(dg.AssetKey(asset), limit=100).records
            assert len(events) == len(keys)
