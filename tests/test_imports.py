"""The import law and the layers of the dbt project, asserted from the files and the manifest."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from sources import all_sources
from tests.conftest import REPO

SHARED = {p.stem for p in (REPO / "sources").glob("*.py")}


@pytest.fixture(scope="session")
def manifest(home: Path) -> dict:
    return json.loads((home / "dbt/manifest.json").read_text())


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names if node.module == "sources"}
    return found


@pytest.mark.parametrize("path", sorted((REPO / "sources").rglob("*.py")), ids=lambda p: str(p.relative_to(REPO)))
def test_sources_import_neither_each_other_nor_the_orchestrator(path: Path) -> None:
    here = path.relative_to(REPO / "sources").parts
    for name in imports(path):
        top, *rest = name.split(".")
        assert top not in ("dagster", "dagster_dbt", "dbt", "duckdb", "orchestration", "atlas"), name
        if top == "sources" and rest and len(here) > 1 and rest[0] not in SHARED:
            package = (REPO / "sources" / rest[0]).is_dir()
            assert not package or rest[0] == here[0], f"{path.name} imports another source: {name}"


def layer(node: dict) -> str:
    if node["resource_type"] == "seed":
        return "seed"
    return node["fqn"][1]


def test_dbt_layers_read_only_downwards(manifest: dict) -> None:
    allowed = {
        "staging": {"source", "seed"},
        "intermediate": {"staging", "seed", "intermediate", "source"},
        "metrics": {"intermediate", "seed", "metrics"},
        "marts": {"intermediate", "seed", "metrics", "marts", "source", "staging"},
    }
    wrong = []
    for node in manifest["nodes"].values():
        if node["resource_type"] != "model":
            continue
        for parent in node["depends_on"]["nodes"]:
            kind = "source" if parent.startswith("source.") else layer(manifest["nodes"][parent])
            if kind == "source" and layer(node) != "staging" and not parent.startswith(("source.evatlas._meta", "source.evatlas._quarantine")):
                wrong.append((node["name"], parent))
            if kind not in allowed[layer(node)]:
                wrong.append((node["name"], parent))
    assert wrong == []


def test_every_landed_table_has_a_dbt_source_and_a_described_staging_model(manifest: dict) -> None:
    sources = {(n["source_name"], n["name"]) for n in manifest["sources"].values()}
    models = {n["name"]: n for n in manifest["nodes"].values() if n["resource_type"] == "model"}
    for source in all_sources():
        for table in source.tables:
            assert (source.name, table.name) in sources, f"staging/{source.name} declares no source table {table.name}"
            staging = models.get(f"stg_{source.name}__{table.name}")
            assert staging is not None, f"no model stg_{source.name}__{table.name}"
            blank = [c for c, v in staging["columns"].items() if not v["description"]]
            assert staging["columns"] and not blank, f"{staging['name']}: columns without a description {blank}"


def test_every_mart_column_is_described_with_a_contract(manifest: dict) -> None:
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model" and node["schema"] in ("main", "meta"):
            assert node["description"], node["name"]
            if node["language"] == "sql":  # dbt enforces contracts on SQL alone; Python models cast their last select
                assert node["config"]["contract"]["enforced"], f"{node['name']} has no contract"
            blank = [c for c, v in node["columns"].items() if not v["description"]]
            assert not blank, f"{node['name']}: {blank}"


def test_group_by_all_with_having_is_banned() -> None:
    for path in (REPO / "dbt_project").rglob("*.sql"):
        text = path.read_text("utf-8").lower()
        assert not ("group by all" in text and "having" in text), f"{path.name}: HAVING on an alias groups by another column, silently"
