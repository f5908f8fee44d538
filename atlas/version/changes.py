"""What moved between a version and the one before it, over every published table: CHANGES.md, the manifest and the page tell it.

Belongs here: comparing two published files, and the words for it. Does not belong here: where policy labels moved
(policy_changes.py), writing the version (write.py).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import duckdb

from atlas.version.contract import Build
from atlas.version.identity import STAMPS, compared_columns
from atlas.version.policy_changes import policy_changes
from atlas.version.relations import SCHEMAS, Relation, literal, quote
from atlas.version.renames import RENAMED, with_names_of_today

FLOATS = ("DOUBLE", "FLOAT")


def compare(
    con: duckdb.DuckDBPyConnection, relations: Sequence[Relation], previous: Path | None, build: Build, limit: int = 40
) -> dict[str, Any]:  # fmt: skip
    """What moved since the version before, as data:

    version, as_of, previous (name of a version, or None: the first one, and nothing else is in it), older_names (it was published
    under names that have changed since);
    tables: [name, rows before, rows now] where the number of rows differs (None: no such table);
    gained and lost: ["table.column"];
    values: [table, rows appeared, rows gone, rows changed, {column: values changed}] where any did, matched by the key;
    n_moved, moved: [[indicator, level, place, period, before, now]] (the `limit` largest of the indicators), and of them
    n_appeared, n_gone;
    turned: [[finding, before, now, value]]; files: [[file, what became of it before, and now]] of files that users supplied, where it
    differs (None: not there); more: lines of Markdown about what else moved.

    `previous`: the DuckDB file of the version that the build follows, None where it is no longer kept. Raises duckdb.Error."""
    told: dict[str, Any] = {"version": build.vintage_id, "as_of": build.as_of, "previous": build.previous}
    if build.previous is None:
        return told
    if previous is None:
        return {**told, "missing": True}
    # the version before under the names of today; where somebody has opened its file for writing, a copy: nobody's lock may hold
    # back a publication
    with tempfile.TemporaryDirectory() as folder:
        try:
            before = with_names_of_today(previous, Path(folder))
        except duckdb.IOException:
            copy = Path(folder, previous.name)
            shutil.copyfile(previous, copy)
            before = with_names_of_today(copy, Path(folder))
        if before.name == RENAMED:
            told["older_names"] = True
        return told | _told(con, relations, before, limit)


def _told(con: duckdb.DuckDBPyConnection, relations: Sequence[Relation], previous: Path, limit: int) -> dict[str, Any]:
    """What `compare` tells beside the names of the versions. `previous`: a DuckDB file with the names of today."""
    other = duckdb.connect(str(previous), read_only=True)
    try:
        before_rows, now_rows = _counts(other), _counts(con)
        before_columns, now_columns = _columns(other), _columns(con)
        moved, appeared, gone = _indicators(con, other)
        sql = "select finding_id, verdict, value from finding"
        findings = {f[0]: f[1] for f in other.execute(sql).fetchall()}
        told = {
            "files": _files(con, other, now_columns, before_columns),
            "more": policy_changes(con, other),
            "tables": [
                [name, before_rows.get(name), now_rows.get(name)]
                for name in sorted({*before_rows, *now_rows})
                if before_rows.get(name) != now_rows.get(name)
            ],
            "gained": [f"{t}.{c}" for t, c in sorted(now_columns.keys() - before_columns.keys())],
            "lost": [f"{t}.{c}" for t, c in sorted(before_columns.keys() - now_columns.keys())],
            "n_moved": len(moved), "n_appeared": appeared, "n_gone": gone,
            "moved": [m for _, m in sorted(moved, key=lambda m: (-m[0], m[1][:4]))[:limit]],
            "turned": [[f, findings.get(f, "none"), verdict, value] for f, verdict, value in con.execute(sql).fetchall() if findings.get(f) != verdict],
        }  # fmt: skip
    finally:
        other.close()
    return {**told, "values": _values(con, relations, previous, before_columns, now_columns)}


def _files(
    con: duckdb.DuckDBPyConnection, other: duckdb.DuckDBPyConnection,
    now_columns: Iterable[tuple[str, str]], before_columns: Iterable[tuple[str, str]],
) -> list[list[str | None]]:  # fmt: skip
    """[file, before, now] of every supplied file of which something else became, as in "2 added, 1 corrected"; in order of the names."""

    def told(db: duckdb.DuckDBPyConnection, columns: Iterable[tuple[str, str]]) -> dict[str, tuple[str, Any]]:
        has = {column for table, column in columns if table == "meta.supplied"}
        if not {"file", "outcome", "record_no"} <= has:
            return {}  # versions of before 2.0
        cells = [c for c in ("entity_id", "columns_changed", "supplied_values", "reason") if c in has]
        rows = db.execute(
            f"select file, outcome, count(*), bool_or(record_no = 0), any_value(reason order by record_no) filter (where record_no = 0), "
            f"list(concat_ws('|', record_no, {', '.join(cells)}) order by record_no, {', '.join(cells)}) from meta.supplied group by all order by 1, 2"
        ).fetchall()
        found: dict[str, tuple[str, Any]] = {}
        for file, outcome, n, is_whole, why, detail in rows:
            words, details = found.get(file, ("", []))
            word = f"{outcome}: {why}" if is_whole else f"{n} {outcome}"
            found[file] = (f"{words}, {word}" if words else word, [*details, detail])
        return found

    before, now = told(other, before_columns), told(con, now_columns)
    return [
        [file, before[file][0] if file in before else None, now[file][0] if file in now else None]
        for file in sorted({*before, *now})
        if before.get(file) != now.get(file)
    ]


def _indicators(con: duckdb.DuckDBPyConnection, other: duckdb.DuckDBPyConnection) -> tuple[list[Any], int, int]:
    """Indicators whose value moved, with how far, and how many appeared and are gone."""
    sql = "select indicator_id, geography_level, geography_id, period, value from indicator_latest"
    old = {row[:4]: row[4] for row in other.execute(sql).fetchall()}
    new = {row[:4]: row[4] for row in con.execute(sql).fetchall()}
    moved = [
        (abs((new[key] or 0) - (old[key] or 0)) / (abs(old[key] or 0) + 1e-9), [*key, old[key], new[key]])
        for key in new.keys() & old.keys()
        if differs(old[key], new[key])
    ]
    return moved, len(new.keys() - old.keys()), len(old.keys() - new.keys())


def _values(
    con: duckdb.DuckDBPyConnection, relations: Sequence[Relation], previous: Path,
    before_columns: dict[tuple[str, str], str], now_columns: dict[tuple[str, str], str],
) -> list[Any]:  # fmt: skip
    """[table, appeared, gone, changed, {column: n}] of each table in both versions; rows are matched by the key, or, where a
    table has none, as whole rows (then `changed` is 0)."""
    found: list[Any] = []
    con.execute(f"attach {literal(str(previous))} as before (read_only)")
    try:
        for r in relations:
            mine = [c for t, c in now_columns if t == r.full_name]
            both = [c for c in compared_columns(r.full_name, mine) if (r.full_name, c) in before_columns and (c not in STAMPS or c in r.key)]
            if not both:
                continue
            if r.key and set(r.key) <= set(both):
                counts, by_column = _by_key(con, r, both, before_columns, now_columns)
            else:
                counts, by_column = _by_row(con, r, both), {}
            if any(counts):
                found.append([r.full_name, *counts, by_column])
    finally:
        con.execute("detach before")
    return found


def _by_row(con: duckdb.DuckDBPyConnection, r: Relation, columns: list[str]) -> list[int]:
    """How many whole rows appeared and are gone; 0 for changed."""
    where = f"{r.schema}.{quote(r.name)}"
    cells = ", ".join(map(quote, columns))
    appeared, gone = (
        _one(con, f"select count(*) from (select {cells} from {a} except all select {cells} from {b})")
        for a, b in ((where, f"before.{where}"), (f"before.{where}", where))
    )
    return [appeared, gone, 0]


def _by_key(
    con: duckdb.DuckDBPyConnection, r: Relation, columns: list[str],
    before_columns: dict[tuple[str, str], str], now_columns: dict[tuple[str, str], str],
) -> tuple[list[int], dict[str, int]]:  # fmt: skip
    """How many rows appeared, are gone and changed, matched by the key; and in how many of them each column did."""
    where = f"{r.schema}.{quote(r.name)}"
    keys = " and ".join(f"n.{quote(k)} is not distinct from b.{quote(k)}" for k in r.key)
    tests = {
        c: _moved(c, now_columns[r.full_name, c], before_columns[r.full_name, c]) for c in columns if c not in r.key
    }
    sums = "".join(f", count(*) filter (where hit and {test})" for test in tests.values())
    any_test = " or ".join(tests.values()) or "false"
    row = con.execute(
        f"select count(*) filter (where b.evatlas_here is null), count(*) filter (where n.evatlas_here is null), "
        f"count(*) filter (where hit and ({any_test})){sums} from (select *, 1 as evatlas_here from {where}) as n "
        f"full join (select *, 1 as evatlas_here from before.{where}) as b on {keys}, "
        "lateral (select n.evatlas_here is not null and b.evatlas_here is not null as hit)"
    ).fetchone()
    assert row is not None
    return list(row[:3]), {c: n for c, n in zip(tests, row[3:], strict=True) if n}


def _moved(column: str, now: str, before: str) -> str:
    """SQL: whether a value of row `n` is another than that of row `b`: floats as the dbt macro `moved` has it."""
    a, b = f"n.{quote(column)}", f"b.{quote(column)}"
    if now in FLOATS and before in FLOATS:
        return f"(({a} is null) <> ({b} is null) or coalesce(abs({a} - {b}) > 1e-9 * greatest(abs({a}), abs({b})), false))"
    if now != before:
        return f"{a}::varchar is distinct from {b}::varchar"
    return f"{a} is distinct from {b}"


def _one(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = con.execute(sql).fetchone()
    return int(row[0]) if row else 0


def differs(a: float | None, b: float | None) -> bool:
    """As the dbt macro `moved`: known on one side only, or further apart than threads that add in another order bring."""
    return (a is None) != (b is None) if a is None or b is None else abs(a - b) > 1e-9 * max(abs(a), abs(b))


def changes(told: dict[str, Any]) -> list[str]:
    """The lines of CHANGES.md from what `compare` found."""
    lines = [f"# Changes in {told['version']}", "", f"Data as of {told['as_of']}.", ""]
    if told["previous"] is None:
        return [*lines, "The first version of this atlas here: nothing to compare with."]
    if told.get("missing"):
        return [*lines, f"The version before, {told['previous']}, is no longer here: nothing to compare with."]
    lines += [f"Against {told['previous']}.", ""]
    if told.get("older_names"):
        lines += ["That version was published under older names of tables and columns: it is compared under those of today (`meta.contract`).", ""]
    lines += _changed_files(told["files"])
    lines += _changed_tables(told)
    lines += _changed_columns(told)
    lines += _changed_indicators(told)
    if told["turned"]:
        lines += ["## Findings whose verdict changed", ""]
        lines += [f"- {f}: {a} -> {b} (value {value})" for f, a, b, value in told["turned"]] + [""]
    return [*lines, *told["more"]]


def _changed_files(files: list[list[str | None]], limit: int = 100) -> list[str]:
    if not files:
        return []
    lines = ["## Files that users supplied", "", "| file | before | now |", "| --- | --- | --- |"]
    lines += [
        f"| {file} | {before or 'not there'} | {now or 'not there'}{' (its records say other things)' if before == now else ''} |"
        for file, before, now in files[:limit]
    ]
    if len(files) > limit:
        lines += ["", f"{len(files) - limit} more files: `meta.supplied`."]
    return [*lines, ""]


def _changed_tables(told: dict[str, Any]) -> list[str]:
    lines = []
    if told["tables"]:
        lines += ["## Tables whose rows changed in number", "", "| table | before | now |", "| --- | --- | --- |"]
        lines += [f"| {name} | {'-' if a is None else a} | {'-' if b is None else b} |" for name, a, b in told["tables"]] + [""]
    else:
        lines += ["No table changed its number of rows.", ""]
    if told["values"]:
        lines += ["## Values that changed, over every table", "", "| table | rows appeared | rows gone | rows changed | columns |", "| --- | ---: | ---: | ---: | --- |"]
        lines += [
            f"| {name} | {new} | {old} | {changed} | {', '.join(f'{c} {n}' for c, n in columns.items())} |"
            for name, new, old, changed, columns in told["values"]
        ] + [""]
    else:
        lines += ["No value of any table changed.", ""]
    return lines


def _changed_columns(told: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    if told["gained"]:
        lines += ["## New columns", "", *(f"- {c}" for c in told["gained"]), ""]
    if told["lost"]:
        lines += ["## Columns that are gone (a breaking change)", "", *(f"- {c}" for c in told["lost"]), ""]
    return lines


def _changed_indicators(told: dict[str, Any]) -> list[str]:
    lines = [f"## Indicators: {told['n_moved']} values moved, {told['n_appeared']} appeared, {told['n_gone']} are gone", ""]
    if told["moved"]:
        lines += ["| indicator | place | period | before | now |", "| --- | --- | --- | --- | --- |"]
        lines += [f"| {i} | {level} {place} | {period} | {a} | {b} |" for i, level, place, period, a, b in told["moved"]] + [""]
        if len(told["moved"]) < told["n_moved"]:
            lines += [f"The {len(told['moved'])} that moved furthest (of {told['n_moved']}); the others: `known_from` of `indicator`.", ""]
    return lines


def _counts(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    names = con.execute("select schema_name, table_name from duckdb_tables() where list_contains(?, schema_name) and not internal", [list(SCHEMAS)]).fetchall()
    result = {}
    for schema, name in names:
        found = con.execute(f"select count(*) from {quote(schema)}.{quote(name)}").fetchone()
        result[name if schema == "main" else f"{schema}.{name}"] = int(found[0]) if found else 0
    return result


def _columns(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], str]:
    """(table, column) -> type, of everything published."""
    return {
        (t if s == "main" else f"{s}.{t}", c): kind
        for s, t, c, kind in con.execute(
            "select schema_name, table_name, column_name, data_type from duckdb_columns() where list_contains(?, schema_name) and not internal "
            "order by schema_name, table_name, column_index", [list(SCHEMAS)]
        ).fetchall()
    }
