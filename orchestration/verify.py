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
from orchestration.compare import differing_tables
from orchestration.identity import MAY_DIFFER, MAY_DIFFER_FILES, may_differ_file
from orchestration.progress import Teller
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
    with duckdb.connect(str(one / "atlas.duckdb"), read_only=True) as con:
        tables = [f"{s}.{t}" for s, t in con.execute("select schema_name, table_name from duckdb_tables() order by all").fetchall()]
    differing = differing_tables(one / "atlas.duckdb", other / "atlas.duckdb", exempt=MAY_DIFFER)
    names = {p.relative_to(folder).as_posix() for folder in (one, other) for p in folder.rglob("*") if p.is_file()}
    differ, excepted = [], []
    for name in sorted(names):
        if may_differ_file(name):
            excepted.append(name)
        elif not (one / name).exists() or not (other / name).exists():
            differ.append(f"{name}: only in {one.name if (one / name).exists() else 'the second build'}")
        elif sha256_of(one / name) != sha256_of(other / name):
            differ.append(name)
    for name in sorted({*tables, *differing}):
        columns = differing.get(name)
        excepted_columns = f" (but for {', '.join(MAY_DIFFER[name])})".replace("*", "all of it") if name in MAY_DIFFER else ""
        lines.append(f"  table {name}: {'DIFFERS in ' + ', '.join(columns) if columns else 'the same' + excepted_columns}")
    lines.append(f"  files: {len(names) - len(differ) - len(excepted)} of {len(names) - len(excepted)} the same to the byte")
    lines += [f"  file {name} DIFFERS" for name in differ]
    lines += [f"  not compared as bytes: {name}: {MAY_DIFFER_FILES.get(name, 'an export of a table that names its build')}" for name in excepted]
    return lines, not differ and not differing


if __name__ == "__main__":
    sys.exit(main())
