"""What a version holds: the DuckDB file, Parquet, CSV, GeoJSON, dictionary, changes, page, manifest.

Belongs here: writing a built warehouse out for readers. Does not belong here: locks and links (release.py),
business SQL (dbt), the page's own making (atlas/), Dagster.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from atlas.version.changes import changes, compare
from atlas.version.contract import CONTRACT_VERSION, Build
from atlas.version.dictionary import write_dictionary
from atlas.version.identity import MAY_DIFFER
from atlas.version.relations import SCHEMAS, Relation, literal, published_relations, quote
from ingest.home import CHECKOUT, SEEDS, Home

#: The oldest DuckDB that must be able to read a published file (contract): its storage version is written.
STORAGE_VERSION = "v1.0.0"
#: Stages of writing a version, for the progress shown.
STAGES = 5
#: A cell that a spreadsheet would run as a formula is exported with an apostrophe in front (CSV only).
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def write_version(
    home: Home, build: Build, warehouse: Path, manifest: dict[str, Any], folder: Path, previous: Path | None = None,
    report: Callable[[str, int, int, str], None] = lambda what, done, total, detail: None,
) -> dict[str, Any]:  # fmt: skip
    """Write a whole version into `folder` (which is not yet visible to readers); returns its manifest. `previous`: the DuckDB
    file of the version before (None: there is none, or it is gone), `report`: is told how far it is.

    Raises duckdb.Error or OSError; the caller then removes the folder and `current` stays as it was."""
    report("writing the version", 0, STAGES, "starting")
    # here, not at the top: a refresh that has nothing to publish never pays for the chart libraries
    from atlas.page.write import write_page
    from atlas.version.figures import write_figures
    from atlas.version.outputs import citation, write_datapackage, write_dbt_docs, write_views

    relations = published_relations(manifest)
    folder.mkdir(parents=True)
    (folder / "tables").mkdir()
    (folder / "csv").mkdir()
    (folder / "geo").mkdir()
    rows = write_database(warehouse, folder / "atlas.duckdb", relations)
    report("writing the version", 1, STAGES, "atlas.duckdb")
    # the tables stand sorted by their keys, and one thread reads them in that order: what ties in an `order by` of the page, or is
    # summed by it, comes out the same every time
    con = duckdb.connect(str(folder / "atlas.duckdb"), read_only=True, config={"threads": "1"})
    con.execute("set TimeZone = 'UTC'")  # times in CSV files are not those of the builder's zone
    try:
        write_tables(con, relations, folder)
        write_dictionary(relations, folder)
        write_geo(con, folder / "geo")
        report("writing the version", 2, STAGES, "tables, csv, geo")
        told = build.changes if build.changes is not None else compare(con, relations, previous, build)
        (folder / "CHANGES.md").write_text("\n".join(changes(told)) + "\n", encoding="utf-8")
        stamp = {"version": build.vintage_id, "contract": CONTRACT_VERSION, "as_of": build.as_of}
        with open(SEEDS / "indicators.csv", encoding="utf-8", newline="") as handle:
            write_views(con, list(csv.DictReader(handle)), stamp, folder / "json")
        write_datapackage(con, relations, stamp, folder)
        (folder / "CITATION.cff").write_text(citation(stamp), encoding="utf-8")
        write_dbt_docs(con, manifest, folder / "dbt_docs.html", {str(home.root): "$EVATLAS_HOME", str(CHECKOUT): "."})
        report("writing the version", 3, STAGES, "views, data package, dbt docs")
        shown = write_page(con, home.root, told, folder / "atlas.html")
        report("writing the version", 4, STAGES, "atlas.html")
        left_out = write_figures(shown, home.root, folder / "figures")
        report("writing the version", STAGES, STAGES, "figures")
        sources = con.execute(
            "select source_id, publisher, licence, url, as_of, rows, last_success from meta.source order by source_id"
        ).fetchall()
    finally:
        con.close()
    result: dict[str, Any] = {
        "version": build.version,
        "sequence": build.sequence,
        "digest": build.digest,
        "contract": CONTRACT_VERSION,
        "as_of": build.as_of,
        "built_at": build.built_at,
        "run": build.run_id,
        "code_version": build.code_version,
        "inputs": build.inputs,
        "journals": build.journals,
        "previous": build.previous,
        "changes": told,
        "may_differ": MAY_DIFFER,
        "figures_left_out": left_out,
        "duckdb": {"written_by": duckdb.__version__, "storage_version": STORAGE_VERSION},
        "sources": [
            dict(zip(("source_id", "publisher", "licence", "url", "as_of", "rows", "last_success"), map(str, s), strict=True))
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
        for schema in SCHEMAS:
            con.execute(f"create schema if not exists a.{schema}")
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
        types = [(name, kind) for name, kind in con.execute(
            "select column_name, data_type from duckdb_columns() where schema_name = ? and table_name = ? "
            "order by column_index", [r.schema, r.name]
        ).fetchall() if r.in_files(name)]  # fmt: skip
        parquet = folder / "tables" / f"{r.file_name}.parquet"
        kept = ", ".join(quote(name) for name, _ in types)
        con.execute(f"copy (select {kept} from {where}) to {literal(str(parquet))} (format parquet, compression zstd)")
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


def write_geo(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Plants and city clusters as GeoJSON points (WGS 84 longitude, latitude)."""
    layers = {
        "plants": """select p.plant_id, p.plant_name, p.segment_id, p.city_id, c.name_zh as city_zh, c.name_en as city_en,
                     p.opened_year, p.closed_year, p.capacity, p.capacity_unit, p.powertrain_at_opening,
                     p.geocode_level, p.evidence_url, p.longitude, p.latitude
                     from plant p left join city c using (city_id)
                     where p.longitude is not null order by p.plant_id""",
        "clusters": """select m.city_id, c.name_zh as city_zh, c.name_en as city_en, m.year, m.n_ev_plants, m.n_ice_plants,
                       m.n_firms, m.capacity_vehicles, m.capacity_gwh, m.typology, m.anchor_firm, m.quality_flag,
                       c.longitude, c.latitude
                       from mart_cluster m join city c using (city_id)
                       where m.year = (select max(year) from mart_cluster) order by m.city_id""",
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
