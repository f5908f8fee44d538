"""The import law and the layers of the dbt project, asserted from the files and the manifest."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from atlas.version.relations import SCHEMAS
from sources import all_sources
from tests.conftest import REPO

#: Top-level packages -> what of the project they may import, beside themselves. `sources` is narrowed further below.
LAW = {
    "ingest": set(),
    "sources": {"ingest"},
    "atlas": {"ingest"},
    "orchestration": {"ingest", "sources", "atlas"},
}
#: Packages from outside that only some may import.
OUTSIDE = {
    "dagster": {"orchestration"},
    "dagster_dbt": {"orchestration"},
    "duckdb": {"orchestration", "atlas"},
    "dbt": set(),  # a process of its own: orchestration/build/dbt_child.py alone is inside it
}
EXCEPT = {("orchestration/build/dbt_child.py", "dbt")}
FILES = sorted(path for top in LAW for path in (REPO / top).rglob("*.py"))


@pytest.fixture(scope="session")
def manifest(home: Path) -> dict:
    return json.loads((home / "dbt/manifest.json").read_text())


def imports(path: Path) -> set[str]:
    """Dotted names that a module imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written from the top"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def broken(path: Path, names: set[str]) -> list[str]:
    """The names that the module at `path` (relative to the checkout) may not import."""
    top, *rest = path.parts
    wrong = []
    for name in sorted(names):
        first, second = (name.split(".") + [""])[:2]
        if first in LAW and first != top and first not in LAW[top]:
            wrong.append(name)
        if first in OUTSIDE and top not in OUTSIDE[first] and (path.as_posix(), first) not in EXCEPT:
            wrong.append(name)
        if first in ("dagster", "dagster_dbt") and any(part.startswith("_") for part in name.split(".")):
            wrong.append(f"{name} (Dagster's own)")
        if top == first == "sources" and len(rest) > 1 and second != rest[0]:
            wrong.append(f"{name} (another source)")
    return wrong


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(REPO)))
def test_the_import_law(path: Path) -> None:
    """ingest imports no source and no orchestrator; a source imports ingest and itself; atlas knows nothing of Dagster nor of sources."""
    assert broken(path.relative_to(REPO), imports(path)) == []


def test_the_import_law_sees_every_breach() -> None:
    for path, name in (
        ("ingest/web/bodies.py", "sources.miit.parse"), ("ingest/home.py", "dagster"), ("ingest/home.py", "duckdb"), ("sources/miit/parse.py", "sources.gleif"),
        ("sources/miit/parse.py", "atlas.page"), ("sources/miit/parse.py", "orchestration.partitions"), ("atlas/page/write.py", "dagster"),
        ("atlas/page/write.py", "sources.all_sources"), ("atlas/page/write.py", "orchestration.build"), ("orchestration/definitions.py", "dbt.cli"), ("orchestration/definitions.py", "dagster._core.storage.tags.X"),
    ):  # fmt: skip
        assert broken(Path(path), {name}), (path, name)
    assert broken(Path("sources/miit/parse.py"), {"ingest.home", "sources.miit.fetch", "polars"}) == []


def test_sources_holds_the_sources_and_nothing_else() -> None:
    found = {p.name for p in (REPO / "sources").iterdir() if p.name != "__pycache__"}
    packages = {p.name for p in (REPO / "sources").iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert found - packages == {"__init__.py"}
    named = {m for s in all_sources() for m in [s.name]}
    assert packages == named, "a folder a source, by its name"


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
        if node["resource_type"] == "model" and node["schema"] in SCHEMAS:
            assert node["description"], node["name"]
            if node["language"] == "sql":  # dbt enforces contracts on SQL alone; Python models cast their last select
                assert node["config"]["contract"]["enforced"], f"{node['name']} has no contract"
            blank = [c for c, v in node["columns"].items() if not v["description"]]
            assert not blank, f"{node['name']}: {blank}"


def test_group_by_all_with_having_is_banned() -> None:
    for path in (REPO / "dbt_project").rglob("*.sql"):
        text = path.read_text("utf-8").lower()
        assert not ("group by all" in text and "having" in text), f"{path.name}: HAVING on an alias groups by another column, silently"
