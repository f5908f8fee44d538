"""The data dictionary of a version: table, column, type, unit, meaning."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from atlas.version.relations import Relation


def dictionary(relations: list[Relation]) -> Iterator[dict[str, str]]:
    for r in relations:
        for name, column in r.columns.items():
            meta = column.get("config", {}).get("meta", {}) or column.get("meta", {})
            yield {
                "table": r.full_name,
                "column": name,
                "type": column.get("data_type") or "",
                "key": "key" if name in r.key else "",
                "unit": meta.get("unit", ""),
                "question": meta.get("question", ""),
                "description": column.get("description", "").strip().replace("\n", " "),
            }


def write_dictionary(relations: list[Relation], folder: Path) -> None:
    rows = list(dictionary(relations))
    with open(folder / "data_dictionary.csv", "w", encoding="utf-8-sig", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    lines = ["# Data dictionary", "", "Made from the dbt manifest of this version: table, column, type, unit, meaning.", ""]
    for r in relations:
        lines += [f"## {r.full_name}", "", r.description.strip(), ""]
        if r.key:
            lines += [f"Key: {', '.join(r.key)}", ""]
        lines += ["| column | type | unit | meaning |", "| --- | --- | --- | --- |"]
        for row in rows:
            if row["table"] == r.full_name:
                cells = [row["column"], row["type"], row["unit"], row["description"]]
                lines.append("| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |")
        lines.append("")
    (folder / "data_dictionary.md").write_text("\n".join(lines), encoding="utf-8")
