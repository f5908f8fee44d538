"""The published tables, as the dbt manifest describes them, and names and texts made safe for SQL.

Belongs here: which tables are published. Does not belong here: writing or comparing them.
"""

from __future__ import annotations

from dataclasses import dataclass
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
    licence: str = ""  # where it is another than the atlas's: its SPDX identifier

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
                    licence=node["config"].get("meta", {}).get("licence", ""),
                )
            )
    return sorted(found, key=lambda r: (r.schema, r.name))


def quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
