"""What other tools read beside the tables: a JSON view of the indicators, a data package, a citation, dbt's docs page.

Belongs here: formats of a finished version. Does not belong here: the tables themselves (atlas/version/write.py), the
page for people (page.py).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb

VIEW_COLUMNS = ("geography_level", "geography_id", "period", "value", "lo", "hi", "n_obs", "quality_flag", "null_reason", "known_from", "interval_reason")
#: Of each indicator, beside its numbers; a note says what the name does not.
ABOUT = ("name_en", "name_zh", "question", "note_en", "note_zh")
#: DuckDB's types as Table Schema (Frictionless Data) names them; lists are written as JSON.
TABLE_SCHEMA = {
    "VARCHAR": "string", "DOUBLE": "number", "FLOAT": "number", "INTEGER": "integer", "BIGINT": "integer",
    "BOOLEAN": "boolean", "DATE": "date", "TIMESTAMP WITH TIME ZONE": "string",
}  # fmt: skip
LICENCE = {"name": "MIT", "title": "MIT License (code); facts keep the terms of their sources, see meta.source"}
CITATION = "EV Cluster Atlas"


def write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str), encoding="utf-8")


def write_views(con: duckdb.DuckDBPyConnection, names: Sequence[dict[str, Any]], stamp: dict[str, Any], folder: Path) -> None:
    """`index.json`, `indicators/<indicator_id>.json`, `cities/<city_id>.json`: the newest vintage of every indicator, for
    tools that cannot read Parquet. Rows are arrays in the order of `columns`; null is unknown, with its reason.

    `names`: name, unit, question and note of each indicator (the seed); `stamp`: version, contract and date."""
    known = {r["indicator_id"]: r for r in names}
    rows = con.execute(
        f"select indicator_id, unit, {', '.join(VIEW_COLUMNS)} from indicator_latest order by indicator_id, geography_level, geography_id, period"
    ).fetchall()
    places = {code: {"name_zh": zh, "name_en": en} for code, zh, en in con.execute("select city_id, name_zh, name_en from city").fetchall()}
    by_indicator: dict[str, list[Any]] = {}
    by_city: dict[str, dict[str, list[Any]]] = {}
    units: dict[str, str] = {}
    for indicator, unit, *values in rows:
        units[indicator] = unit
        by_indicator.setdefault(indicator, []).append(values)
        if values[0] == "city":
            by_city.setdefault(values[1], {}).setdefault(indicator, []).append(values[2:])
    for indicator, values in by_indicator.items():
        about = {k: known.get(indicator, {}).get(k) for k in ABOUT}
        write_json(folder / "indicators" / f"{indicator}.json", {**stamp, "indicator_id": indicator, **about, "unit": units[indicator], "columns": VIEW_COLUMNS, "rows": values})
    for code, found in by_city.items():
        write_json(folder / "cities" / f"{code}.json", {**stamp, "city_id": code, **places.get(code, {}), "units": {i: units[i] for i in found}, "columns": VIEW_COLUMNS[2:], "indicators": found})
    write_json(folder / "index.json", {
        **stamp,
        "indicators": [{"indicator_id": i, "unit": units[i], **{k: known.get(i, {}).get(k) for k in ABOUT}, "values": len(v), "path": f"indicators/{i}.json"} for i, v in sorted(by_indicator.items())],
        "cities": [{"city_id": c, **places.get(c, {}), "path": f"cities/{c}.json"} for c in sorted(by_city)],
    })  # fmt: skip


def write_datapackage(con: duckdb.DuckDBPyConnection, relations: Iterable[Any], stamp: dict[str, Any], folder: Path) -> None:
    """`datapackage.json` (Frictionless Data Package): every CSV with its schema, keys, units, digest and sources.

    `relations` are the published tables (schema, name, file_name, description, columns, keys)."""
    sources = [
        {"title": title, "path": url} if url else {"title": title}
        for title, url in con.execute("select name, url from meta.source order by source_id").fetchall()
    ]
    resources = []
    for r in relations:
        types = con.execute(
            "select column_name, data_type from duckdb_columns() where schema_name = ? and table_name = ? order by column_index",
            [r.schema, r.name],
        ).fetchall()
        fields = []
        for name, kind in types:
            if not r.in_files(name):
                continue
            described = r.columns.get(name, {})
            unit = (described.get("config", {}).get("meta", {}) or described.get("meta", {})).get("unit")
            field = {"name": name, "type": TABLE_SCHEMA.get(kind, "array" if kind.endswith("[]") else "string"), "description": described.get("description", "").strip()}
            if name in r.key:
                field["constraints"] = {"required": True}
            fields.append({**field, **({"unit": unit} if unit else {})})
        path = folder / "csv" / f"{r.file_name}.csv"
        schema: dict[str, Any] = {"fields": fields, "missingValues": [""]}
        if r.key:
            schema["primaryKey"] = list(r.key)
        if r.foreign_keys:
            schema["foreignKeys"] = [
                {"fields": column, "reference": {"resource": "" if table == r.full_name else table.replace(".", "_"), "fields": its}}
                for column, table, its in r.foreign_keys
            ]
        resources.append({
            "name": r.file_name.lower(), "path": f"csv/{path.name}", "profile": "tabular-data-resource", "format": "csv",
            "mediatype": "text/csv", "encoding": "utf-8-sig", "description": r.description.strip(), "schema": schema,
            **({} if r.names_its_build else {"bytes": path.stat().st_size, "hash": f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"}),
            **({"licenses": [{"name": r.licence}]} if r.licence else {}),
        })  # fmt: skip
    write_json(folder / "datapackage.json", {
        "profile": "tabular-data-package", "name": "ev-cluster-atlas", "title": "EV Cluster Atlas",
        "description": "The geography of China's electric-vehicle industry: clusters, segments, policies, heritage, indicators.",
        "version": stamp["version"], "licenses": [LICENCE], "sources": sources, "resources": resources,
    })  # fmt: skip


def citation(stamp: dict[str, Any]) -> str:
    """A Citation File Format entry for one version of the data."""
    return "\n".join([
        "cff-version: 1.2.0",
        "message: Cite the version that you used; its tables never change.",
        "type: dataset",
        f"title: {CITATION}",
        "authors:",
        "  - name: The EV Cluster Atlas",
        f"version: {stamp['version']}",
        f"date-released: {stamp['as_of']}",
        "license: MIT",
        "abstract: The geography of China's electric-vehicle industry as data. Facts keep the terms of their sources (meta.source).",
        "",
    ])  # fmt: skip


#: What dbt's manifest says of one run of dbt and of the machine it ran on: no part of a version.
OF_THE_RUN = frozenset({
    "created_at", "build_path", "compiled_path", "root_path", "deferred", "generated_at", "invocation_id", "invocation_started_at",
    "run_started_at", "env", "user_id", "send_anonymous_usage_stats",
})  # fmt: skip


#: Of a test it is there only where the test was run.
OF_A_TEST_RUN = frozenset({"compiled", "compiled_code", "extra_ctes", "extra_ctes_injected", "macros"})


def without_the_run(value: Any, tested: bool = False) -> Any:
    """A part of dbt's manifest without what differs from run to run; keys in their order."""
    if isinstance(value, dict):
        tested = tested or value.get("resource_type") == "test"
        unseen = OF_A_TEST_RUN if tested else ()
        return {
            k: sorted(v, key=json.dumps) if k in ("nodes", "macros", "refs", "sources") and isinstance(v, list) else without_the_run(v, tested)  # dbt keeps them as sets
            for k, v in sorted(value.items())
            if k not in OF_THE_RUN and k not in unseen
        }
    return [without_the_run(v, tested) for v in value] if isinstance(value, list) else value


def write_dbt_docs(
    con: duckdb.DuckDBPyConnection, manifest: dict[str, Any], target: Path, places: Mapping[str, str]
) -> None:  # fmt: skip
    """dbt's own documentation page with this project's manifest and a catalogue of the published tables inside: what
    `dbt docs generate --static` makes, without a second run of dbt. Skipped where dbt's page is not found.

    `places`: path of this machine -> what is written in its stead."""
    spec = find_spec("dbt")
    page = next((Path(p) / "task" / "docs" / "index.html" for p in (spec.submodule_search_locations or [])), None) if spec else None
    if page is None or not page.exists():
        return
    types: dict[tuple[str, str], dict[str, Any]] = {}
    for schema, table, name, kind, index in con.execute(
        "select schema_name, table_name, column_name, data_type, column_index from duckdb_columns() where not internal"
    ).fetchall():
        types.setdefault((schema, table), {})[name] = {"type": kind, "index": index, "name": name, "comment": None}
    nodes = {
        uid: {
            "metadata": {"type": "TABLE", "schema": n["schema"], "name": n["alias"], "database": n["database"], "comment": None, "owner": None},
            "columns": types[(n["schema"], n["alias"])], "stats": {}, "unique_id": uid,
        }
        for uid, n in manifest["nodes"].items()
        if n["resource_type"] == "model" and (n["schema"], n["alias"]) in types
    }  # fmt: skip
    catalogue = {"metadata": {}, "nodes": nodes, "sources": {}, "errors": None}
    slim = {**manifest, "nodes": {uid: n for uid, n in manifest["nodes"].items() if n["resource_type"] in ("model", "seed", "test")}}
    slim = without_the_run(slim)
    slim["metadata"] |= {"send_anonymous_usage_stats": False, "user_id": None, "generated_at": ""}
    html = page.read_text(encoding="utf-8")
    for marker, value in (("MANIFEST.JSON INLINE DATA", slim), ("CATALOG.JSON INLINE DATA", catalogue)):
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        for place, shown in places.items():
            text = text.replace(json.dumps(place, ensure_ascii=False)[1:-1], shown)
        text = text.replace("<", "\\u003c")
        html = html.replace(f'"{marker}"', text)
    target.write_text(html, encoding="utf-8")
