"""`make panel`: all metrics from a person's own plant panel, by the same dbt models as the atlas.

Belongs here: judging the panel's files, running dbt over them in a folder of its own, writing one Parquet file a
table. Does not belong here: any formula (dbt_project/models/metrics) nor Dagster; no state of a home is touched.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from ingest.home import Home, write_atomic
from orchestration.build import dbt
from orchestration.commands import progress
from orchestration.commands.progress import Teller

TEXT, WHOLE, NUMBER, DATE = "text", "whole number", "number", "date"


@dataclass(frozen=True)
class Spec:
    """One file of a panel: its columns with their kinds, those that may be empty, and its key."""

    columns: dict[str, str]
    nullable: tuple[str, ...]
    key: tuple[str, ...]
    required: bool


FILES: dict[str, Spec] = {
    "plants": Spec(
        {"plant_id": TEXT, "firm_id": TEXT, "city_id": TEXT, "segment_id": TEXT, "lon": NUMBER, "lat": NUMBER,
         "entry_year": WHOLE, "exit_year": WHOLE},
        ("lon", "lat", "entry_year", "exit_year"), ("plant_id",), True),
    "plant_year": Spec(
        {"plant_id": TEXT, "year": WHOLE, "employment": NUMBER, "capacity_k_units": NUMBER, "output_k_units": NUMBER},
        ("employment", "capacity_k_units", "output_k_units"), ("plant_id", "year"), True),
    "cities": Spec(
        {"city_id": TEXT, "province_id": TEXT, "lon": NUMBER, "lat": NUMBER, "population": NUMBER, "gdp_cny_m": NUMBER},
        ("province_id", "lon", "lat", "population", "gdp_cny_m"), ("city_id",), True),
    "segments": Spec({"segment_id": TEXT, "family_id": TEXT}, (), ("segment_id",), True),
    "lineage": Spec({"ev_plant_id": TEXT, "ice_plant_id": TEXT, "edge_type": TEXT, "confidence": NUMBER},
                    ("edge_type",), ("ev_plant_id", "ice_plant_id", "edge_type"), False),
    "ice_cities": Spec({"city_id": TEXT}, (), ("city_id",), False),
    "policy_events": Spec({"document_id": TEXT, "city_id": TEXT, "instrument": TEXT, "effective_date": DATE, "amount_cny_m": NUMBER},
                          ("amount_cny_m",), (), False),
    "policy_panel": Spec({"city_id": TEXT, "province_id": TEXT, "year": WHOLE, "first_treat": WHOLE, "treated": WHOLE, "y": NUMBER},
                         ("province_id",), ("city_id", "year"), False),
}  # fmt: skip
#: References that must hold: (file, column) -> (file, column).
REFERENCES = [
    ("plants", "city_id", "cities"), ("plants", "segment_id", "segments"), ("plant_year", "plant_id", "plants"),
    ("lineage", "ev_plant_id", "plants"), ("ice_cities", "city_id", "cities"), ("policy_events", "city_id", "cities"),
]  # fmt: skip
POLARS = {TEXT: pl.String, WHOLE: pl.Int64, NUMBER: pl.Float64, DATE: pl.Date}
#: What a table needs beside the four required files.
NEEDS = {"policy_mix": "policy_events", "policy_effect": "policy_panel", "heritage_shares": "lineage"}


class BadPanel(Exception):
    """The panel is malformed; the message names file, column and the first bad rows."""


def read(folder: Path, name: str, spec: Spec) -> pl.DataFrame | None:
    """One file of the panel, typed; None where an optional file is absent. Raises BadPanel."""
    path = file_of(folder, name, spec)
    if path is None:
        return None
    frame, problems = typed(cells_of(path, spec), spec)
    problems += beyond_range(frame, spec)
    for check in (doubled_keys, half_a_place, odd_treatment):
        if not problems:  # rows are compared once each cell is what it should be
            problems += check(frame, name, spec)
    if problems:
        raise BadPanel("\n".join(f"{path.name}: {problem}" for problem in problems))
    return frame


def file_of(folder: Path, name: str, spec: Spec) -> Path | None:
    found = [p for p in (folder / f"{name}.parquet", folder / f"{name}.csv") if p.exists()]
    if not found and spec.required:
        raise BadPanel(f"{name}: no {name}.csv or {name}.parquet in {folder}")
    if len(found) > 1:
        raise BadPanel(f"{name}: several files claim to be it: {', '.join(p.name for p in found)}")
    return found[0] if found else None


def cells_of(path: Path, spec: Spec) -> pl.DataFrame:
    """The declared columns of a file as they stand in it, with the numbers of their rows (`_row`)."""
    try:
        frame = pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path, infer_schema=False, encoding="utf8")
    except Exception as error:  # noqa: BLE001 - Polars raises errors of many kinds for a file that it cannot read
        raise BadPanel(f"{path.name}: cannot be read: {error}") from None
    if path.suffix == ".csv":
        uneven(path, len(frame.columns))
    if frame.is_empty() and spec.required:
        raise BadPanel(f"{path.name}: no rows")
    frame = frame.rename({c: c.strip().lstrip("\ufeff") for c in frame.columns})
    missing = [c for c in spec.columns if c not in frame.columns]
    if missing:
        raise BadPanel(f"{path.name}: missing column {', '.join(missing)} (has {', '.join(frame.columns)})")
    return frame.select(list(spec.columns)).with_row_index("_row", offset=2 if path.suffix == ".csv" else 1)


def typed(frame: pl.DataFrame, spec: Spec) -> tuple[pl.DataFrame, list[str]]:
    """The columns in their kinds, and in words which cells are not of theirs, or empty where they may not be."""
    problems: list[str] = []
    for column, kind in spec.columns.items():
        text = frame[column].cast(pl.String).str.strip_chars()
        text = text.set(text == "", None)
        values = text if kind == TEXT else cast(text, kind)
        bad = frame.filter(text.is_not_null() & values.is_null())
        if kind == NUMBER:
            bad = pl.concat([bad, frame.filter(values.is_infinite() | values.is_nan())])
        if bad.height:
            problems.append(f"column {column}: not a {kind} in {rows(bad, column)}")
        empty = frame.filter(text.is_null())
        if empty.height and column not in spec.nullable:
            problems.append(f"column {column}: empty in {rows(empty, column)}")
        frame = frame.with_columns(values.alias(column))
    return frame, problems


#: Least and most of a column, None for no bound.
RANGES = (("lon", -180, 180), ("lat", -90, 90), ("confidence", 0, 1), ("employment", 0, None), ("population", 0, None))


def beyond_range(frame: pl.DataFrame, spec: Spec) -> list[str]:
    problems = []
    for column, low, high in RANGES:
        if column not in spec.columns or frame[column].dtype != pl.Float64:
            continue
        beyond = frame.filter((pl.col(column) < low) | (pl.col(column) > high if high is not None else False))
        if beyond.height:
            problems.append(
                f"column {column}: outside {low} to {'any' if high is None else high} in {rows(beyond, column)}"
            )
    return problems


def doubled_keys(frame: pl.DataFrame, name: str, spec: Spec) -> list[str]:
    twice = frame.filter(frame.select(spec.key).is_duplicated()) if spec.key else frame.clear()
    return (
        [f"column {', '.join(spec.key)}: the same key more than once in {rows(twice, spec.key[0])}"]
        if twice.height
        else []
    )


def half_a_place(frame: pl.DataFrame, name: str, spec: Spec) -> list[str]:
    if not {"lon", "lat"} <= set(spec.columns):
        return []
    half = frame.filter(pl.col("lon").is_null() != pl.col("lat").is_null())
    return [f"columns lon, lat: one without the other in {rows(half, spec.key[0])}"] if half.height else []


def odd_treatment(frame: pl.DataFrame, name: str, spec: Spec) -> list[str]:
    if name != "policy_panel":
        return []
    from_then_on = (pl.col("first_treat") > 0) & (pl.col("year") >= pl.col("first_treat"))
    odd = frame.filter(pl.col("treated") != from_then_on.cast(pl.Int64))
    said = "column treated: not 1 from first_treat on and 0 before (0 in first_treat is never)"
    return [f"{said} in {rows(odd, 'city_id')}"] if odd.height else []


def uneven(path: Path, width: int) -> None:
    """Raises BadPanel where rows of a CSV have fewer or more cells than its header: a shifted row is worse than a missing one."""
    bad: list[str] = []
    with open(path, encoding="utf-8-sig", newline="") as handle:
        for number, cells in enumerate(csv.reader(handle), start=1):
            if cells and len(cells) != width:
                bad.append(f"row {number} ({len(cells)} of {width})")
    if bad:
        raise BadPanel(f"{path.name}: number of cells differs from the header's in {', '.join(bad[:5])}{f' and {len(bad) - 5} more' if len(bad) > 5 else ''}")


def cast(text: pl.Series, kind: str) -> pl.Series:
    if kind == DATE:
        return text.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    number = text.cast(pl.Float64, strict=False)
    if kind == WHOLE:
        return pl.select(pl.when(number == number.floor()).then(number)).to_series().cast(pl.Int64, strict=False)
    return number


def rows(bad: pl.DataFrame, column: str, most: int = 5) -> str:
    listed = ", ".join(f"row {r} ({v!r})" for r, v in bad.select("_row", pl.col(column).cast(pl.String)).head(most).iter_rows())
    return listed + (f" and {bad.height - most} more" if bad.height > most else "")


def normalise(folder: Path, target: Path) -> dict[str, int]:
    """Read and judge the whole panel, and write it as typed Parquet under `target`. Returns rows by file."""
    frames: dict[str, pl.DataFrame] = {}
    counts: dict[str, int] = {}
    problems: list[str] = []
    for name, spec in FILES.items():
        try:
            frame = read(folder, name, spec)
        except BadPanel as error:
            problems.append(str(error))
            continue
        counts[name] = frame.height if frame is not None else -1
        frames[name] = frame if frame is not None else pl.DataFrame(schema={c: POLARS[k] for c, k in spec.columns.items()})
    if problems:
        raise BadPanel("\n".join(problems))
    for name, column, other in REFERENCES:
        target_key = FILES[other].key[0]
        lost = frames[name].filter(~pl.col(column).is_in(frames[other][target_key].implode()))
        if lost.height:
            problems.append(f"{name}: column {column}: {lost.height} rows name what {other} does not have: {rows(lost, column)}")
    early = frames["plants"].filter(pl.col("exit_year") < pl.col("entry_year"))
    if early.height:
        problems.append(f"plants: column exit_year: before entry_year in {rows(early, 'plant_id')}")
    if problems:
        raise BadPanel("\n".join(problems))
    frames = {name: frame.drop("_row", strict=False) for name, frame in frames.items()}
    plants = frames["plants"].with_columns(pl.col("firm_id").alias("group_id"), pl.lit("plant").alias("geocode_level"))
    frames["plants"] = plants
    frames["plant_year"] = frames["plant_year"].with_columns(pl.col("employment").fill_null(0).alias("size")) if frames["plant_year"]["employment"].is_not_null().any() else frames["plant_year"].with_columns(pl.lit(1.0).alias("size"))
    frames["policy_panel"] = frames["policy_panel"].with_columns(pl.lit("y").alias("outcome"), pl.lit("any").alias("instrument"))
    target.mkdir(parents=True, exist_ok=True)
    for name, frame in frames.items():
        frame.write_parquet(target / f"{name}.parquet")
    return counts


def compute(panel: Path, work: Path) -> tuple[Path, dict[str, float]]:
    """Run the metric models over a normalised panel; returns the DuckDB file they wrote and the seconds of each table. Raises
    RuntimeError."""
    home = Home(work)  # of its own: nothing of the atlas's is read or written
    folder = dbt.PROJECT / "models" / "metrics"
    tables = sum(1 for ending in ("sql", "py") for _ in folder.rglob(f"[a-z]*.{ending}"))
    seconds: dict[str, float] = {}
    pace = progress.Pace(tables)
    asked = ["build", "--select", "tag:panel", "--exclude", "resource_type:unit_test", "--vars", json.dumps({"panel": str(panel)})]
    try:
        for event in dbt.run(home, asked):
            if event["info"].get("name") == "LogModelResult":
                node = event["data"]
                name, took = str(node["node_info"]["node_name"]), float(node.get("execution_time", 0))
                seconds[name] = took
                pace.step()
                progress.report("computing tables", pace.done, tables, f"{name}, {took:.1f} s")
    except dbt.DbtFailed as error:
        raise RuntimeError(str(error)[-6000:]) from None
    return dbt.build_file(home), seconds


def export(warehouse: Path, out: Path, counts: dict[str, int], seconds: dict[str, float]) -> dict[str, dict[str, object]]:
    """One Parquet file a table into `out`, sorted, at full precision; returns the account."""
    out.mkdir(parents=True, exist_ok=True)
    account: dict[str, dict[str, object]] = {}
    con = duckdb.connect(str(warehouse), read_only=True)
    try:
        for (name,) in con.execute("select table_name from duckdb_tables() where schema_name = 'metrics' order by 1").fetchall():
            path = out / f"{name}.parquet"
            text = str(path).replace("'", "''")
            con.execute(f'copy (select * from metrics."{name}" order by all) to \'{text}\' (format parquet, compression zstd)')
            found = con.execute(f'select count(*) from metrics."{name}"').fetchone()
            number = int(found[0]) if found else 0
            entry: dict[str, object] = {"rows": number, "seconds": round(seconds.get(name, 0.0), 2)}
            needed = NEEDS.get(name)
            if needed and counts.get(needed, -1) < 0:
                entry["not_computed"] = f"the panel has no {needed}"
            elif number == 0:
                entry["not_computed"] = "the panel is too thin for it, or lacks coordinates or years"
            account[name] = entry
    finally:
        con.close()
    write_atomic(out / "_account.json", json.dumps({"panel_rows": counts, "tables": account}, indent=1))
    return account


def main(argv: list[str] | None = None) -> int:
    """Exit codes: 0 done, 2 the panel is malformed, 1 a model or its test failed."""
    parser = argparse.ArgumentParser(prog="make panel", description=__doc__)
    parser.add_argument("--panel", required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args(argv)
    if not options.panel or not options.out:
        print("usage: make panel PANEL=folder OUT=folder", file=sys.stderr)
        return 2
    say = Teller()
    progress.watcher = say.watch
    work = Path(tempfile.mkdtemp(prefix="evatlas-panel-"))
    try:
        say("reading the panel")
        try:
            counts = normalise(Path(options.panel).resolve(), work / "panel")
        except BadPanel as error:
            print(f"the panel is malformed; nothing was computed:\n{error}", file=sys.stderr)
            return 2
        say(", ".join(f"{name} {number if number >= 0 else 'absent'}" for name, number in counts.items()))
        say("reading the dbt project (some seconds)")
        try:
            warehouse, seconds = compute(work / "panel", work)
        except RuntimeError as error:
            print(f"a table failed; nothing was written:\n{error}", file=sys.stderr)
            return 1
        account = export(warehouse, Path(options.out).resolve(), counts, seconds)
        for name, entry in account.items():
            print(f"  {name:<24} {entry['rows']:>8} rows" + (f"   not computed: {entry['not_computed']}" if "not_computed" in entry else ""))
        say(f"done: {options.out}")
        return 0
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
