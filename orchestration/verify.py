"""`make verify`: the published version, made again from its raw inputs in a folder of its own, is the same to the byte.

Belongs here: the second build and the comparison of the two. Does not belong here: what may differ (identity.py).
Nothing of the home is changed: raw bytes are linked, not read from their publishers again; journals end where the build saw them end.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from orchestration import build, dbt, export, history, release
from orchestration.identity import MAY_DIFFER_FILES, compared_columns, may_differ_file
from orchestration.progress import Teller
from orchestration.relations import literal, quote
from sources import all_sources
from sources.home import Home, sha256_of
from sources.landing import Landing


def main(argv: list[str] | None = None) -> int:
    """Exit codes: 0 the same, 1 something differs, 2 it cannot be told (nothing published, or made by other code)."""
    parser = argparse.ArgumentParser(prog="make verify", description=__doc__)
    parser.add_argument("--keep", type=Path, help="leave the second build in this folder (new or empty)")
    options = parser.parse_args(argv)
    say = Teller()
    home = Home.from_env()
    published = home.current.resolve()
    manifest = release.current_manifest(home)
    if manifest is None:
        print(f"{home.published}: nothing is published: there is nothing to verify", file=sys.stderr)
        return 2
    say(f"building {manifest['version']} again from {home.raw}")
    with second_home(home, manifest, options.keep) as other:
        plan = rebuild(other, say)
        if plan.digest != manifest["digest"]:
            print(f"cannot tell: {why_other(manifest, plan)}", file=sys.stderr)
            return 2
        folder = other.published / "again"
        folder.parent.mkdir(parents=True, exist_ok=True)
        for kept in release.versions(home):  # the version before stands beside it, for what is told of the changes
            (other.published / kept.name).symlink_to(kept)
        export.write_version(other, plan, dbt.build_file(other), dbt.read_manifest(other), folder)
        lines, same = compared(published, folder)
    print("\n".join(lines))
    print(f"{'the same' if same else 'DIFFERS'}: {manifest['version']} ({manifest['digest'][:12]}) and a build from its raw inputs")
    return 0 if same else 1


@contextmanager
def second_home(home: Home, manifest: dict[str, object], keep: Path | None = None) -> Iterator[Home]:
    """A home with the raw bytes (hard links where the file system has them) and the history of another, on the same disk;
    journals are cut to what the version saw."""
    folder = keep or Path(tempfile.mkdtemp(prefix=".verify-", dir=home.root))
    folder.mkdir(parents=True, exist_ok=True)
    other = Home(folder.resolve())
    try:
        if home.raw.exists():
            shutil.copytree(home.raw, other.raw, copy_function=_link, ignore=shutil.ignore_patterns("tmp"), dirs_exist_ok=True)
        seen = manifest.get("journals")
        assert isinstance(seen, dict)
        for journal in other.raw.glob("*/journal.jsonl"):
            data = journal.read_bytes()[: int(seen.get(journal.parent.name, 0))]
            journal.unlink()  # a link to the home's own
            journal.write_bytes(data)
        if home.history.exists():
            shutil.copytree(home.history, other.history, dirs_exist_ok=True)
            for later in history.entries(other):
                if later.sequence > _place(history.entries(other), str(manifest["digest"])):
                    for path in other.history.glob(f"*-{later.digest[:16]}.*"):
                        path.unlink()
        yield other
    finally:
        if keep is None:
            for path in folder.rglob("*"):  # a version's files are read-only
                if path.is_dir() and not path.is_symlink():
                    path.chmod(0o755)
            shutil.rmtree(folder, ignore_errors=True)


def _place(line: list[history.Entry], digest: str) -> int:
    return next((e.sequence for e in line if e.digest == digest), line[-1].sequence if line else 0)


def _link(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target


def rebuild(home: Home, say: Teller) -> build.Plan:
    """Land every source from `raw/` alone and build the warehouse; asks nobody. Raises dbt.DbtFailed."""
    landing = Landing(home)
    sources = all_sources()
    for source in sources:
        landing.ensure_schema(source)
        landing.rebuild(source)
    dbt.ensure_manifest(home, say)
    with release.writer(home):
        plan = build.make_plan(home, sources, "verify")
        for leftover in dbt.build_file(home).parent.glob("warehouse.duckdb*"):
            leftover.unlink()
        say("building the tables")
        for _ in dbt.run(home, ["build", "--exclude", "resource_type:unit_test", "resource_type:test"]):
            pass
    return plan


def why_other(manifest: dict[str, object], plan: build.Plan) -> str:
    here, there = plan.code_version, manifest["code_version"]
    if here != there:
        return f"the version was made by the code of commit {there}, this is {here}: check that commit out and try again"
    return (
        "what landed from the raw bytes, or the code, is not what the version was made from: files of the checkout may differ from "
        f"commit {there}, or `make refresh` would build something new"
    )


def compared(one: Path, other: Path) -> tuple[list[str], bool]:
    """What two version folders that should be the same agree and differ in, in words, table by table and file by file; and
    whether they agree in all but what may differ."""
    lines: list[str] = []
    tables = differing_tables(one / "atlas.duckdb", other / "atlas.duckdb")
    names = {p.relative_to(folder).as_posix() for folder in (one, other) for p in folder.rglob("*") if p.is_file()}
    differ, excepted = [], []
    for name in sorted(names):
        if may_differ_file(name):
            excepted.append(name)
        elif not (one / name).exists() or not (other / name).exists():
            differ.append(f"{name}: only in {one.name if (one / name).exists() else 'the second build'}")
        elif sha256_of(one / name) != sha256_of(other / name):
            differ.append(name)
    for name, columns in tables.items():
        lines.append(f"  table {name}: {'the same' if not columns else 'DIFFERS in ' + ', '.join(columns)}")
    lines.append(f"  files: {len(names) - len(differ) - len(excepted)} of {len(names) - len(excepted)} the same to the byte")
    lines += [f"  file {name} DIFFERS" for name in differ]
    lines += [f"  not compared as bytes: {name}: {MAY_DIFFER_FILES.get(name, 'an export of a table that names its build')}" for name in excepted]
    return lines, not differ and not any(tables.values())


def differing_tables(one: Path, other: Path) -> dict[str, list[str]]:
    """Each published table of two DuckDB files -> the columns whose values differ (floats exactly), or what else does."""
    found: dict[str, list[str]] = {}
    with duckdb.connect() as con:
        con.execute(f"attach {literal(str(one))} as a (read_only)")
        con.execute(f"attach {literal(str(other))} as b (read_only)")
        listed = {
            database: dict(con.execute(
                "select schema_name || '.' || table_name, list([column_name, data_type] order by column_index) from duckdb_columns() "
                "where database_name = ? and schema_name in ('main', 'meta') and not internal group by all", [database],
            ).fetchall())
            for database in ("a", "b")
        }  # fmt: skip
        for table in sorted(listed["a"].keys() | listed["b"].keys()):
            shown = table.removeprefix("main.")
            if table not in listed["a"] or table not in listed["b"]:
                found[shown] = ["the whole table (in one of them only)"]
                continue
            if listed["a"][table] != listed["b"][table]:
                found[shown] = ["names or types of columns"]
                continue
            schema, name = table.split(".", 1)
            columns = compared_columns(shown, [column for column, _ in listed["a"][table]])
            # both are written sorted by key: rows stand at the same place
            rows = " join ".join(f"(select *, rowid as evatlas_row from {d}.{schema}.{quote(name)}) as {d}" for d in ("a", "b"))
            counts = con.execute(f"select (select count(*) from a.{schema}.{quote(name)}), (select count(*) from b.{schema}.{quote(name)})").fetchone()
            if counts and counts[0] != counts[1]:
                found[shown] = [f"the number of rows ({counts[0]} and {counts[1]})"]
                continue
            if not columns:
                found[shown] = []
                continue
            tests = ", ".join(f"count(*) filter (where a.{quote(c)} is distinct from b.{quote(c)})" for c in columns)
            row = con.execute(f"select {tests} from {rows} using (evatlas_row)").fetchone()
            found[shown] = [c for c, n in zip(columns, row or (), strict=True) if n]
    return found


if __name__ == "__main__":
    sys.exit(main())
