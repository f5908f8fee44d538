"""dbt's unit tests: formulas on inputs small enough for pencil and paper. They run here and not in every refresh."""

from __future__ import annotations

import shutil
from pathlib import Path

from ingest.home import Home
from orchestration.build import dbt


def test_formulas_by_hand(home: Path, tmp_path: Path) -> None:
    own = Home(tmp_path / "home")
    for name in ("dbt", "landing", "quarantine"):
        shutil.copytree(home / name, own.root / name)
    dbt.build_file(own).parent.mkdir(parents=True)
    shutil.copy(home / "warehouse.duckdb", dbt.build_file(own))  # unit tests read column types of real tables
    declared = {node["name"] for node in dbt.read_manifest(own)["unit_tests"].values()}
    ended: dict[str, str] = {}
    try:
        for event in dbt.run(own, ["test", "--select", "test_type:unit"]):
            if event["info"].get("name") == "LogTestResult":
                ended[event["data"]["name"].split("::")[-1]] = event["data"]["status"]
    except dbt.DbtFailed as error:
        raise AssertionError(str(error)) from None
    assert declared and ended == dict.fromkeys(declared, "pass")
