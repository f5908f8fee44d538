"""What published tables and columns were called before: renames.csv, the one table of old and new names.

Belongs here: reading that table, and content published under older names given the names of today (the indicators' history, the
version that CHANGES compares with). Does not belong here: what a name means (dbt_project/), nor comparing (compare.py, changes.py).

A row holds from the contract `since` on. `old_column` empty: the whole table moved, and its columns keep their names where no other
row speaks of them. `new_table` or `new_column` empty: gone. `read_as`: how the new value is got from the old one (READ_AS), where it
is not the same. Later rows apply to what earlier ones gave, so that a version of any age is read.
"""

from __future__ import annotations

import csv
import functools
import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl
from packaging.version import Version

from atlas.version.relations import literal

FILE = Path(__file__).with_name("renames.csv")
#: The copy of an older version's tables under the names of today.
RENAMED = "names_of_today.duckdb"
#: How a value was written before -> SQL of how it is written now; {0} is the old column.
READ_AS = {
    "": "{0}",
    "integer": "{0}::integer",
    # text as precise as it was written (YYYY, YYYY-MM, YYYY-MM-DD)
    "first_day": "try_cast({0} || case length({0}) when 4 then '-01-01' when 7 then '-01' else '' end as date)",
    "last_day": "case length({0}) when 4 then ({0} || '-12-31')::date when 7 then last_day(({0} || '-01')::date) else try_cast({0} as date) end",
    # what stands behind a colon has a column of its own since
    "support": "case regexp_extract({0}, '^[a-z_]+') when 'seen' then 'sourced' when 'recalled' then 'unverified' else {0} end",
    "quality_flag": "case when {0} = 'seen' then 'sourced' else replace({0}, 'ly_recalled', 'ly_unverified') end",
}


@dataclass(frozen=True)
class Rename:
    """One row of renames.csv: see the top."""

    since: str
    old_table: str
    old_column: str
    new_table: str
    new_column: str
    read_as: str


@functools.cache
def renames(path: Path = FILE) -> tuple[Rename, ...]:
    """The rows of renames.csv, oldest contract first. Raises ValueError, with file and line, for a `read_as` that is not in READ_AS."""
    with open(path, encoding="utf-8", newline="") as handle:
        rows = [Rename(**row) for row in csv.DictReader(handle)]
    for line, row in enumerate(rows, start=2):
        if row.read_as not in READ_AS:
            raise ValueError(f"{path.name}, line {line}: read_as is none of {', '.join(filter(None, READ_AS))}: {row.read_as!r}")
    return tuple(sorted(rows, key=lambda row: Version(row.since)))


def today(table: str, columns: Iterable[str], contract: str, rows: Iterable[Rename] | None = None) -> dict[str, tuple[str, str, str]]:
    """Column of a published table (`schema.table`) under an older contract -> (table, column, SQL) of today; what is gone is left out."""
    found = {column: (table, column, f'"{column}"') for column in columns}
    newer = [r for r in (renames() if rows is None else rows) if Version(r.since) > Version(contract)]
    for _, step in itertools.groupby(newer, key=lambda r: r.since):
        by_name = {(r.old_table, r.old_column): r for r in step}
        stepped = {}
        for column, (at, name, sql) in found.items():
            own, whole = by_name.get((at, name)), by_name.get((at, ""))
            to_table = own.new_table if own else whole.new_table if whole else at
            to_column = own.new_column if own else name
            if to_table and to_column:
                stepped[column] = (to_table, to_column, READ_AS[own.read_as].format(sql) if own else sql)
        found = stepped
    return found


def renamed(frame: pl.DataFrame, table: str, contract: str = "1.0.0") -> pl.DataFrame:
    """A table as a file kept it (`schema.table`), under the names of today and with the words of today. Such files do not say of
    which contract they are: one is older than `contract` where it has a column whose name has gone since, and is not touched else."""
    cells = today(table, frame.columns, contract)
    if set(frame.columns) <= {name for _, name, _ in cells.values()}:
        return frame
    selected = ", ".join(f'{sql} as "{name}"' for _, name, sql in cells.values())
    with duckdb.connect() as con:
        con.register("frame", frame)
        return con.execute(f"select {selected} from frame").pl()


def contract_of(con: duckdb.DuckDBPyConnection, catalog: str) -> str:
    """The contract under which an attached database was published. Raises duckdb.Error where it does not say."""
    row = con.execute(f'select contract_version from "{catalog}".meta.contract').fetchone()
    return str(row[0]) if row else "1.0.0"


def with_names_of_today(published: Path, folder: Path) -> Path:
    """The DuckDB file of a version, or, where it was published under older names, a copy of its tables in `folder` under those of
    today. Raises duckdb.Error for what is no published file."""
    with duckdb.connect() as con:
        con.execute(f"attach {literal(str(published))} as old (read_only)")
        contract = contract_of(con, "old")
        if not any(Version(r.since) > Version(contract) for r in renames()):
            return published
        target = folder / RENAMED
        con.execute(f"attach {literal(str(target))} as new")
        columns: dict[str, list[str]] = {}
        for table, column in con.execute(
            "select schema_name || '.' || table_name, column_name from duckdb_columns() where database_name = 'old' and not internal"
            " order by schema_name, table_name, column_index"
        ).fetchall():
            columns.setdefault(table, []).append(column)
        for table, names in columns.items():
            cells = today(table, names, contract).values()
            for to in {at for at, _, _ in cells}:
                con.execute(f"create schema if not exists new.{to.split('.')[0]}")
                selected = ", ".join(f'{sql} as "{name}"' for at, name, sql in cells if at == to)
                con.execute(f"create table new.{to} as select {selected} from old.{table}")
        con.execute("detach new")
    return target


#: What a reader is told of a value that is written otherwise.
TOLD = {
    "integer": "a 32-bit integer", "first_day": "a DATE", "last_day": "a DATE",
    "support": "`sourced`, `derived`, `unverified`", "quality_flag": "`sourced`, `partly_unverified`, `mostly_unverified`",
}  # fmt: skip


def as_markdown(since: str) -> str:
    """The table of old and new names that came with a contract, as CHANGELOG.md has it: `python -m atlas.version.renames`."""
    tables: list[str] = []
    columns: dict[tuple[str, str, str], list[str]] = {}
    for row in (r for r in renames() if r.since == since):
        old, new = (t.removeprefix("main.") for t in (row.old_table, row.new_table))
        if not row.old_column:
            tables.append(f"| `{old}` | `{new}` |" if new else f"| `{old}` | gone |")
        else:
            how = TOLD.get(row.read_as, "")
            columns.setdefault((row.old_column, row.new_column or "gone", how), []).append(new or old)
    lines = ["| table was | is |", "| --- | --- |", *tables, "", "| column was | is | now | in |", "| --- | --- | --- | --- |"]
    lines += [f"| `{a}` | `{b}` | {how} | {', '.join(f'`{t}`' for t in sorted(where))} |" for (a, b, how), where in sorted(columns.items())]
    return "\n".join(lines)


if __name__ == "__main__":
    print(as_markdown(renames()[-1].since))
