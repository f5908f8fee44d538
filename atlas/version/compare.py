"""Are two warehouses the same, and where not: by table and column, to the last bit of every number.

`python -m atlas.version.compare HOME HOME` (or two DuckDB files) tells which values differ between the current versions of two
homes; a version that was published under older names is read with those of today (renames.csv).

Belongs here: the comparison that `make verify` and the tests share. Does not belong here: making the warehouses, or what may differ.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path

import duckdb

from atlas.version.identity import MAY_DIFFER
from atlas.version.relations import SCHEMAS, literal, quote
from atlas.version.renames import with_names_of_today


def differing_tables(
    path_a: Path, path_b: Path, schemas: Collection[str] = SCHEMAS, exempt: Mapping[str, Collection[str]] | None = None,
    in_both: bool = False,
) -> dict[str, list[str]]:  # fmt: skip
    """`schema.table` -> the columns in which two DuckDB files differ; empty where their tables are the same.

    A table is a bag of rows: the order in which it is stored says nothing, how often a row stands does. Numbers are compared by the
    text that gives back the same bits, so that 0.1 + 0.2 is not 0.3 and -0.0 is not 0.0. Names in parentheses stand for what is no
    column: `(missing in a)`, `(missing in b)`, `(types)`, `(12 rows in a, 13 in b)`. `exempt`: columns by `schema.table` that may
    differ, `*` for the whole table. `in_both`: a column that one alone has is named as `(only in a: c)`, and the others are compared
    all the same. Both files are opened for reading. Raises duckdb.Error for what is no DuckDB file."""
    exempt = exempt or {}
    found: dict[str, list[str]] = {}
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        for name, path in (("a", path_a), ("b", path_b)):
            con.execute(f"attach {literal(str(path))} as {name} (read_only)")
        columns = {name: _columns(con, name, schemas) for name in ("a", "b")}
        for table in sorted(columns["a"].keys() | columns["b"].keys()):
            skipped = exempt.get(table, ())
            missing = [f"(missing in {name})" for name in ("a", "b") if table not in columns[name]]
            if "*" in skipped:
                continue
            here, there = ({c: t for c, t in columns[name].get(table, {}).items() if c not in skipped} for name in ("a", "b"))
            differing = missing or _differences(con, table, here, there, in_both)
            if differing:
                found[table] = differing
    return found


def _differences(
    con: duckdb.DuckDBPyConnection, table: str, here: Mapping[str, str], there: Mapping[str, str], in_both: bool
) -> list[str]:
    """What differs in a table that both files have, of these columns (with their types): see `differing_tables`."""
    differing = sorted(here.keys() ^ there.keys())
    if differing and not in_both:
        return differing
    differing = [f"(only in {'a' if c in here else 'b'}: {c})" for c in differing]
    both = [c for c in here if c in there]
    types = [c for c in both if here[c] != there[c]]
    return [*differing, "(types)", *types] if types else differing + _differing_columns(con, table, both)


def comments(path: Path, schemas: Collection[str] = SCHEMAS) -> dict[str, str]:
    """`schema.table` and `schema.table.column` -> the comment that a DuckDB file has on it. Raises duckdb.Error."""
    with duckdb.connect(str(path), read_only=True) as con:
        tables = con.execute("select schema_name || '.' || table_name, comment from duckdb_tables() where list_contains(?, schema_name)", [list(schemas)])
        found = {name: said or "" for name, said in tables.fetchall()}
        columns = con.execute(
            "select schema_name || '.' || table_name || '.' || column_name, comment from duckdb_columns() where list_contains(?, schema_name)",
            [list(schemas)],
        )
        return found | {name: said or "" for name, said in columns.fetchall()}


def _columns(con: duckdb.DuckDBPyConnection, database: str, schemas: Collection[str]) -> dict[str, dict[str, str]]:
    rows = con.execute(
        "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns()"
        " where database_name = ? and list_contains(?, schema_name) order by column_index",
        [database, list(schemas)],
    ).fetchall()
    tables: dict[str, dict[str, str]] = {}
    for table, column, kind in rows:
        tables.setdefault(table, {})[column] = kind
    return tables


def _differing_columns(con: duckdb.DuckDBPyConnection, table: str, columns: list[str]) -> list[str]:
    """The columns of a table that both databases have; first those whose own values differ, else those that differ when both are
    sorted by all of their columns (the same values on other rows)."""

    def rows(database: str, names: list[str]) -> str:
        texts = ", ".join(f"{quote(c)}::varchar as {quote(c)}" for c in names)
        return f"select {texts} from {database}.{'.'.join(quote(part) for part in table.split('.', 1))}"

    def same(names: list[str]) -> bool:
        one, other = rows("a", names), rows("b", names)
        query = f"select exists ({one} except all {other}) or exists ({other} except all {one})"
        return not con.execute(query).fetchone()[0]  # type: ignore[index]

    if not columns or same(columns):
        return []
    counts = [con.execute(f"select count(*) from ({rows(name, columns)})").fetchone()[0] for name in ("a", "b")]  # type: ignore[index]
    differing = [f"({counts[0]} rows in a, {counts[1]} in b)"] if counts[0] != counts[1] else []
    own = [c for c in columns if not same([c])]
    if own or differing:
        return differing + own
    sorted_rows = [con.execute(f"{rows(name, columns)} order by all").fetchall() for name in ("a", "b")]
    return [c for i, c in enumerate(columns) if any(x[i] != y[i] for x, y in zip(*sorted_rows, strict=True))]


def main(argv: list[str] | None = None) -> int:
    """Exit codes: 0 no value differs that must not, 1 some do (each column is named), 2 not two homes or files."""
    arguments = sys.argv[1:] if argv is None else argv
    if len(arguments) != 2:
        print("usage: python -m atlas.version.compare HOME HOME", file=sys.stderr)
        return 2
    paths = [Path(a) / "published" / "current" / "atlas.duckdb" if Path(a).is_dir() else Path(a) for a in arguments]
    stamps = {"vintage_id", "known_from", "known_to"}  # they name the version
    with tempfile.TemporaryDirectory() as folder:
        try:
            for number, path in enumerate(paths):
                Path(folder, str(number)).mkdir()
                paths[number] = with_names_of_today(path, Path(folder, str(number)))
            found = differing_tables(paths[0], paths[1], exempt=MAY_DIFFER, in_both=True)
        except duckdb.Error as error:
            print(error, file=sys.stderr)
            return 2
    differing = {table: [c for c in columns if c not in stamps] for table, columns in sorted(found.items())}
    for table, columns in differing.items():
        if columns:
            print(f"{table}: {', '.join(columns)}")
    return int(any(not c.startswith("(only in b: ") for columns in differing.values() for c in columns))


if __name__ == "__main__":
    sys.exit(main())
