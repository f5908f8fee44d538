"""The published tables, as the dbt manifest describes them, and names and texts made safe for SQL.

Belongs here: which tables are published. Does not belong here: writing or comparing them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from atlas.version.identity import MAY_DIFFER

#: The schemas whose tables are published: entities and marts, model tables, and what a version says of itself.
SCHEMAS = ("main", "metrics", "meta")


@dataclass
class Relation:
    """One published table: where it stands in the warehouse and how the dbt manifest describes it."""

    schema: str
    name: str
    description: str
    columns: dict[str, dict[str, Any]]
    key: list[str]
    depends_on: list[str]
    model: str = ""  # the dbt model that makes it
    licence: str = ""  # where it is another than the atlas's: its SPDX identifier
    foreign_keys: list[tuple[str, str, str]] = field(default_factory=list)  # column, table (as full_name), its column

    @property
    def full_name(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema != "main" else self.name

    @property
    def names_its_build(self) -> bool:
        """Whether two builds of the same inputs may differ in it: then no digest of it stands in what must be equal."""
        return self.full_name in MAY_DIFFER

    def in_files(self, column: str) -> bool:
        """Whether Parquet and CSV have the column. The version stands in the manifest and in the database: in every row of every
        file it would make equal content unequal bytes. Of an indicator it says when a value came."""
        return column != "vintage_id" or self.full_name in ("indicator", "meta.run")

    @property
    def file_name(self) -> str:
        return self.full_name.replace(".", "_")


#: Model tables name the cities and segments of a panel, which in the atlas are its own.
OF_THE_PANEL = {"panel_cities": "city", "panel_segments": "segment"}


def foreign_keys(manifest: dict[str, Any]) -> dict[str, list[tuple[str, str, str]]]:
    """Name of a dbt model -> its columns that name rows of another, as the tests of relationships say: column, model, its column."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    for node in manifest["nodes"].values():
        test = node.get("test_metadata") or {}
        if test.get("name") != "relationships":
            continue
        said = test["kwargs"]
        target = re.fullmatch(r"ref\('(\w+)'\)", said["to"])
        if target and node.get("attached_node"):
            to = OF_THE_PANEL.get(target[1], target[1])
            found.setdefault(node["attached_node"].split(".")[-1], []).append((said["column_name"], to, said["field"]))
    return found


def published_relations(manifest: dict[str, Any]) -> list[Relation]:
    """Every model of the published schemas but those that a mart publishes whole (`published_as`: no table twice)."""
    found = []
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model" and node["schema"] in SCHEMAS and "published_as" not in node["config"].get("meta", {}):
            found.append(
                Relation(
                    schema=node["schema"],
                    name=node["alias"],
                    description=node["description"],
                    columns=node["columns"],
                    key=node["config"].get("meta", {}).get("key", []),
                    depends_on=[u.split(".")[-1] for u in node["depends_on"]["nodes"]],
                    model=node["name"],
                    licence=node["config"].get("meta", {}).get("licence", ""),
                )
            )
    names = {r.model: r.full_name for r in found}
    keys = foreign_keys(manifest)
    for r in found:
        r.foreign_keys = sorted((column, names[to], its) for column, to, its in keys.get(r.model, []) if to in names)
    return sorted(found, key=lambda r: (r.schema, r.name))


def quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
