"""The graph as Dagster sees it: loadable, whole, joined from source to publication, with every policy in place."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sources import all_sources
from tests.conftest import REPO

PROBE = """
import json, dagster as dg
from orchestration.definitions import defs
dg.Definitions.validate_loadable(defs)
graph = defs.resolve_asset_graph()
out = {
    "assets": {k.to_user_string(): [p.to_user_string() for p in graph.get(k).parent_keys] for k in graph.get_all_asset_keys()},
    "groups": {k.to_user_string(): graph.get(k).group_name for k in graph.materializable_asset_keys},
    "owners": [k.to_user_string() for k in graph.materializable_asset_keys if not graph.get(k).owners],
    "strangers": [k.to_user_string() for k in graph.get_all_asset_keys() if graph.get(k).group_name == "default" or not graph.get(k).description or not graph.get(k).kinds],
    "described": [k.to_user_string() for k in graph.materializable_asset_keys if not graph.get(k).description],
    "checks": len(list(graph.asset_check_keys)),
    "jobs": [j.name for j in defs.resolve_all_job_defs()],
    "schedules": {s.name: s.default_status.value for s in defs.schedules},
    "sensors": [s.name for s in defs.sensors],
}
print("GRAPH " + json.dumps(out))
"""


@pytest.fixture(scope="session")
def graph(home: Path) -> dict:
    env = {**os.environ, "EVATLAS_HOME": str(home), "DAGSTER_HOME": str(home / "dagster"), "PYTHONPATH": str(REPO)}
    done = subprocess.run([sys.executable, "-c", PROBE], cwd=REPO, env=env, capture_output=True, text=True, timeout=200)
    line = next((text for text in done.stdout.splitlines() if text.startswith("GRAPH ")), None)
    assert line, done.stdout + done.stderr
    return json.loads(line.removeprefix("GRAPH "))


def test_every_landed_table_is_an_asset_and_reaches_the_publication(graph: dict) -> None:
    children: dict[str, set[str]] = {}
    for asset, parents in graph["assets"].items():
        for parent in parents:
            children.setdefault(parent, set()).add(asset)

    def reaches(start: str) -> bool:
        seen, todo = set(), [start]
        while todo:
            here = todo.pop()
            if here == "published/atlas":
                return True
            if here not in seen:
                seen.add(here)
                todo += children.get(here, ())
        return False

    unused = {
        f"{s.name}/{t.name}"
        for s in all_sources()
        for t in s.tables
        if not reaches(f"{s.name}/{t.name}")
    }
    # evidence is published by its own tables' columns
    assert unused <= {
        "curated_plants/evidence", "curated_policies/policy_evidence", "curated_firms/firm_conflicts", "inbox/firms",
        "policy_releases/attachments", "inbox/listed_companies",
    }, unused  # fmt: skip


def test_owners_descriptions_groups(graph: dict) -> None:
    assert graph["owners"] == []
    missing = list(graph["described"])
    assert missing == [], f"assets without a description: {missing}"
    assert "default" not in set(graph["groups"].values())
    assert graph["checks"] > 40


def test_jobs_schedules_sensors(graph: dict) -> None:
    assert "refresh" in graph["jobs"]
    for source in all_sources():
        if source.live:
            assert f"land_{source.name}_job" in graph["jobs"]
            assert graph["schedules"][f"{source.name}_schedule"] == "STOPPED", "starting the UI must call nobody"
    assert set(graph["sensors"]) == {"inbox_sensor", "failure_note"}


def test_every_asset_has_a_group_a_description_and_a_kind(graph: dict) -> None:
    """Those that no run makes too: what a person meets in the catalogue must say what it is."""
    assert graph["strangers"] == []
