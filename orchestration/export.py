"""What a version holds: the DuckDB file, Parquet, CSV, GeoJSON, dictionary, changes, page, manifest.

Belongs here: writing a built warehouse out for readers. Does not belong here: locks and links (release.py),
business SQL (dbt), the page's own making (atlas/), Dagster.
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from orchestration import progress
from orchestration.build import CONTRACT_VERSION, Plan
from orchestration.policy_changes import policy_changes
from sources.home import SEEDS, Home

#: The oldest DuckDB that must be able to read a published file (contract): its storage version is written.
STORAGE_VERSION = "v1.0.0"
#: Stages of writing a version, for the progress shown.
STAGES = 5
#: A cell that a spreadsheet would run as a formula is exported with an apostrophe in front (CSV only).
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


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
    def file_name(self) -> str:
        return self.full_name.replace(".", "_")


def published_relations(manifest: dict[str, Any]) -> list[Relation]:
    """Every model of the schemas `main` and `meta`; staging and intermediate stay in the workshop."""
    found = []
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model" and node["schema"] in ("main", "meta"):
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


def write_version(
    home: Home, plan: Plan, warehouse: Path, manifest: dict[str, Any], folder: Path,
) -> dict[str, Any]:  # fmt: skip
    """Write a whole version into `folder` (which is not yet visible to readers); returns its manifest.

    Raises duckdb.Error or OSError; the caller then removes the folder and `current` stays as it was."""
    progress.report("writing the version", 0, STAGES, "starting")
    # here, not at the top: a refresh that has nothing to publish never pays for the chart libraries
    from atlas.figures import write_figures
    from atlas.outputs import citation, write_datapackage, write_dbt_docs, write_views
    from atlas.page import write_page

    relations = published_relations(manifest)
    folder.mkdir(parents=True)
    (folder / "tables").mkdir()
    (folder / "csv").mkdir()
    (folder / "geo").mkdir()
    rows = write_database(warehouse, folder / "atlas.duckdb", relations)
    progress.report("writing the version", 1, STAGES, "atlas.duckdb")
    con = duckdb.connect(str(folder / "atlas.duckdb"), read_only=True)
    try:
        write_tables(con, relations, folder)
        write_dictionary(relations, folder)
        write_geo(con, folder / "geo")
        progress.report("writing the version", 2, STAGES, "tables, csv, geo")
        previous = home.published / plan.previous / "atlas.duckdb" if plan.previous else None
        told = compare(con, previous if previous and previous.exists() else None, plan)
        (folder / "CHANGES.md").write_text("\n".join(changes(told)) + "\n", encoding="utf-8")
        stamp = {"version": plan.vintage_id, "contract": CONTRACT_VERSION, "as_of": plan.as_of, "built_at": plan.built_at}
        with open(SEEDS / "indicators.csv", encoding="utf-8", newline="") as handle:
            write_views(con, list(csv.DictReader(handle)), stamp, folder / "json")
        write_datapackage(con, relations, stamp, folder)
        (folder / "CITATION.cff").write_text(citation(stamp), encoding="utf-8")
        write_dbt_docs(con, manifest, folder / "dbt_docs.html")
        progress.report("writing the version", 3, STAGES, "views, data package, dbt docs")
        shown = write_page(con, home.root, told, folder / "atlas.html")
        progress.report("writing the version", 4, STAGES, "atlas.html")
        left_out = write_figures(shown, home.root, folder / "figures")
        progress.report("writing the version", STAGES, STAGES, "figures")
        sources = con.execute(
            "select name, publisher, licence, url, as_of, rows, last_success from meta.source order by name"
        ).fetchall()
    finally:
        con.close()
    result: dict[str, Any] = {
        "version": plan.vintage_id,
        "sequence": plan.sequence,
        "contract": CONTRACT_VERSION,
        "as_of": plan.as_of,
        "built_at": plan.built_at,
        "run": plan.run_id,
        "code_version": plan.code_version,
        "inputs": plan.inputs,
        "previous": plan.previous,
        "figures_left_out": left_out,
        "duckdb": {"written_by": duckdb.__version__, "storage_version": STORAGE_VERSION},
        "sources": [
            dict(zip(("name", "publisher", "licence", "url", "as_of", "rows", "last_success"), map(str, s), strict=True))
            for s in sources
        ],
    }
    result["files"] = {
        path.relative_to(folder).as_posix(): {
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "bytes": path.stat().st_size,
            **({"rows": rows[path.stem]} if path.suffix in (".parquet", ".csv") and path.stem in rows else {}),
        }
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    (folder / "manifest.json").write_text(json.dumps(result, ensure_ascii=False, indent=1), encoding="utf-8")
    return result


def write_database(warehouse: Path, target: Path, relations: list[Relation]) -> dict[str, int]:
    """Copy the published tables into a fresh file, sorted by key, with a comment on each table and column.

    Returns rows by file name. The file is checkpointed and closed, without a write-ahead log."""
    rows: dict[str, int] = {}
    con = duckdb.connect(config={"threads": "2", "autoinstall_known_extensions": "false"})
    try:
        con.execute(f"attach {literal(str(warehouse))} as warehouse (read_only)")
        con.execute(f"attach {literal(str(target))} as a (storage_version {literal(STORAGE_VERSION)})")
        con.execute("create schema a.meta")
        for r in relations:
            built = f"warehouse.{r.schema}.{quote(r.name)}"
            here = f"a.{r.schema}.{quote(r.name)}"
            order = f" order by {', '.join(quote(k) for k in r.key)}" if r.key else " order by all"
            con.execute(f"create table {here} as select * from {built}{order}")
            found = con.execute(f"select count(*) from {here}").fetchone()
            rows[r.file_name] = int(found[0]) if found else 0
            con.execute(f"comment on table {here} is {literal(r.description.strip())}")
            for name, column in r.columns.items():
                text = column.get("description", "").strip()
                unit = column.get("config", {}).get("meta", {}).get("unit") or column.get("meta", {}).get("unit")
                if unit and f"[{unit}]" not in text:
                    text = f"{text} [{unit}]"
                con.execute(f"comment on column {here}.{quote(name)} is {literal(text)}")
        con.execute("checkpoint a")
        con.execute("detach a")
    finally:
        con.close()
    wal = target.with_suffix(".duckdb.wal")
    if wal.exists():
        raise OSError(f"{wal.name} was left beside the published file")
    return rows


def write_tables(con: duckdb.DuckDBPyConnection, relations: list[Relation], folder: Path) -> None:
    """Each table as Parquet (exact) and as CSV (UTF-8 with BOM for spreadsheets; formula cells defused)."""
    for r in relations:
        where = f"{r.schema}.{quote(r.name)}"
        parquet = folder / "tables" / f"{r.file_name}.parquet"
        con.execute(f"copy (select * from {where}) to {literal(str(parquet))} (format parquet, compression zstd)")
        types = con.execute(
            "select column_name, data_type from duckdb_columns() where schema_name = ? and table_name = ? "
            "order by column_index", [r.schema, r.name]
        ).fetchall()  # fmt: skip
        starts = ", ".join(literal(s) for s in FORMULA_STARTS)
        select = []
        for name, kind in types:
            column = quote(name)
            if kind == "VARCHAR":
                select.append(f"case when left({column}, 1) in ({starts}) then '''' || {column} else {column} end as {column}")
            elif kind.endswith("[]") or kind.startswith(("STRUCT", "MAP")):
                select.append(f"to_json({column})::varchar as {column}")
            else:
                select.append(column)
        path = folder / "csv" / f"{r.file_name}.csv"
        con.execute(f"copy (select {', '.join(select)} from {where}) to {literal(str(path))} (format csv, header)")
        body = path.read_bytes()
        path.write_bytes(b"\xef\xbb\xbf" + body)


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


def write_geo(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Plants and city clusters as GeoJSON points (WGS 84 longitude, latitude)."""
    layers = {
        "plants": """select p.plant_id, p.plant_name, p.segment, p.city_adcode, c.name_zh as city_zh, c.name_en as city_en,
                     p.opened_year, p.closed_year, p.capacity, p.capacity_unit, p.powertrain_at_opening,
                     p.geocode_level, p.evidence_url, p.longitude, p.latitude
                     from plant p left join city c using (city_adcode)
                     where p.longitude is not null order by p.plant_id""",
        "clusters": """select m.city_adcode, c.name_zh as city_zh, c.name_en as city_en, m.year, m.n_ev_plants, m.n_ice_plants,
                       m.n_firms, m.capacity_vehicles, m.capacity_gwh, m.typology, m.anchor_firm, m.quality_flag,
                       c.longitude, c.latitude
                       from mart_cluster m join city c using (city_adcode)
                       where m.year = (select max(year) from mart_cluster) order by m.city_adcode""",
    }  # fmt: skip
    for name, sql in layers.items():
        cursor = con.execute(sql)
        columns = [d[0] for d in cursor.description]
        features = []
        for values in cursor.fetchall():
            row = dict(zip(columns, values, strict=True))
            point = [row.pop("longitude"), row.pop("latitude")]
            features.append(
                {"type": "Feature", "geometry": {"type": "Point", "coordinates": point}, "properties": row}
            )
        (folder / f"{name}.geojson").write_text(
            json.dumps({"type": "FeatureCollection", "name": name, "features": features}, ensure_ascii=False, default=str),
            encoding="utf-8",
        )


def compare(
    con: duckdb.DuckDBPyConnection, previous: Path | None, plan: Plan, limit: int = 40
) -> dict[str, Any]:  # fmt: skip
    """What moved since the version before, as data: {version, built_at, code, as_of, previous, tables: [[name, before, now]],
    gained and lost: ["table.column"], moved: [[indicator, level, place, period, before, now]] (the `limit` largest),
    n_moved, turned: [[finding, before, now, value]], more: [lines of Markdown about what else moved]}. `previous` None: the first version, nothing else is in it."""
    told: dict[str, Any] = {"version": plan.vintage_id, "built_at": plan.built_at, "code": plan.code_version, "as_of": plan.as_of, "previous": None}
    if previous is None:
        return told
    copy = None
    try:
        other = duckdb.connect(str(previous), read_only=True)
    except duckdb.IOException:  # somebody has opened the published file for writing: nobody's lock may hold back a publication
        copy = Path(tempfile.mkdtemp()) / previous.name
        shutil.copyfile(previous, copy)
        other = duckdb.connect(str(copy), read_only=True)
    try:
        before_rows, now_rows = _counts(other), _counts(con)
        before_columns, now_columns = _columns(other), _columns(con)
        sql = "select indicator, geography_level, geography_id, period, value from indicator_latest"
        old = {row[:4]: row[4] for row in other.execute(sql).fetchall()}
        moved = []
        for row in con.execute(sql).fetchall():
            before = old.get(row[:4])
            if row[:4] in old and differs(before, row[4]):
                moved.append((abs((row[4] or 0) - (before or 0)) / (abs(before or 0) + 1e-9), [*row[:4], before, row[4]]))
        sql = "select finding_id, verdict, value from finding"
        findings = {f[0]: f[1] for f in other.execute(sql).fetchall()}
        told |= {
            "more": policy_changes(con, other),
            "previous": plan.previous,
            "tables": [
                [name, before_rows.get(name), now_rows.get(name)]
                for name in sorted({*before_rows, *now_rows})
                if before_rows.get(name) != now_rows.get(name)
            ],
            "gained": [f"{t}.{c}" for t, c in sorted(now_columns - before_columns)],
            "lost": [f"{t}.{c}" for t, c in sorted(before_columns - now_columns)],
            "n_moved": len(moved),
            "moved": [m for _, m in sorted(moved, key=lambda m: (-m[0], m[1][:4]))[:limit]],
            "turned": [[f, findings.get(f, "none"), verdict, value] for f, verdict, value in con.execute(sql).fetchall() if findings.get(f) != verdict],
        }
    finally:
        other.close()
        if copy is not None:
            shutil.rmtree(copy.parent)
    return told


def differs(a: float | None, b: float | None) -> bool:
    """As the dbt macro `moved`: known on one side only, or further apart than threads that add in another order bring."""
    return (a is None) != (b is None) if a is None or b is None else abs(a - b) > 1e-9 * max(abs(a), abs(b))


def changes(told: dict[str, Any]) -> list[str]:
    """The lines of CHANGES.md from what `compare` found."""
    lines = [f"# Changes in {told['version']}", "", f"Built {told['built_at']} from code {told['code']}; data as of {told['as_of']}.", ""]
    if told["previous"] is None:
        return [*lines, "The first version of this atlas here: nothing to compare with."]
    lines += [f"Against {told['previous']}.", ""]
    if told["tables"]:
        lines += ["## Tables whose rows changed in number", "", "| table | before | now |", "| --- | --- | --- |"]
        lines += [f"| {name} | {'-' if a is None else a} | {'-' if b is None else b} |" for name, a, b in told["tables"]] + [""]
    else:
        lines += ["No table changed its number of rows.", ""]
    if told["gained"]:
        lines += ["## New columns", "", *(f"- {c}" for c in told["gained"]), ""]
    if told["lost"]:
        lines += ["## Columns that are gone (a breaking change)", "", *(f"- {c}" for c in told["lost"]), ""]
    lines += [f"## Indicators: {told['n_moved']} values moved", ""]
    if told["moved"]:
        lines += ["| indicator | place | period | before | now |", "| --- | --- | --- | --- | --- |"]
        lines += [f"| {i} | {level} {place} | {period} | {a} | {b} |" for i, level, place, period, a, b in told["moved"]] + [""]
    if told["turned"]:
        lines += ["## Findings whose verdict changed", ""]
        lines += [f"- {f}: {a} -> {b} (value {value})" for f, a, b, value in told["turned"]] + [""]
    lines += told["more"]
    return lines


def _counts(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    names = con.execute("select schema_name, table_name from duckdb_tables() where schema_name in ('main', 'meta') and not internal").fetchall()
    result = {}
    for schema, name in names:
        found = con.execute(f"select count(*) from {quote(schema)}.{quote(name)}").fetchone()
        result[name if schema == "main" else f"{schema}.{name}"] = int(found[0]) if found else 0
    return result


def _columns(con: duckdb.DuckDBPyConnection) -> set[tuple[str, str]]:
    return {
        (f"{s}.{t}", c)
        for s, t, c in con.execute(
            "select schema_name, table_name, column_name from duckdb_columns() where schema_name in ('main', 'meta') and not internal"
        ).fetchall()
    }
