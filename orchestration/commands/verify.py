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
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from atlas.version import write
from atlas.version.compare import comments, differing_tables
from atlas.version.identity import MAY_DIFFER, MAY_DIFFER_FILES, may_differ_file
from ingest.home import Home, sha256_of
from ingest.store.landing import Landing
from ingest.store.raw import RawStore
from orchestration.build import dbt, history, planning, release
from orchestration.commands.progress import Teller
from sources import all_sources


def main(argv: list[str] | None = None) -> int:
    """Exit codes: 0 the same, 1 something differs or is damaged, 2 it cannot be told (nothing published, or made by other code)."""
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
    damaged = damaged_files(published, manifest)
    try:
        history.entries(home)
    except history.HistoryDamaged as error:
        print("\n".join(f"  {line}" for line in damaged))
        print(f"DIFFERS: {manifest['version']} cannot be made again: {error}", file=sys.stderr)
        return 1
    say(f"building {manifest['version']} again from {home.raw}")
    with second_home(home, manifest, options.keep) as other:
        lost = damaged_blobs(other)
        plan = None if lost else land(other, say)
        if plan is None or plan.digest != manifest["digest"]:
            print("\n".join(f"  {line}" for line in [*damaged, *lost]))
            if damaged or lost:
                print(f"DIFFERS: {manifest['version']} is not what its manifest says, or cannot be made again from its raw bytes")
            if plan is not None:
                print(f"cannot tell whether a build gives the same: {why_other(manifest, plan)}", file=sys.stderr)
            return 1 if damaged or lost else 2
        build_tables(other, say)
        folder = other.published / "again"
        folder.parent.mkdir(parents=True, exist_ok=True)
        for kept in release.versions(home):  # the version before stands beside it, for what is told of the changes
            (other.published / kept.name).symlink_to(kept)
        write.write_version(other, plan, dbt.build_file(other), dbt.read_manifest(other), folder, history.database(other, plan.previous))
        lines, same = compared(published, folder)
        said = [] if manifest["as_of"] == plan.as_of else [f"manifest.json says as_of {manifest['as_of']}, the build {plan.as_of}"]
    print("\n".join([*lines, *(f"  {line}" for line in [*damaged, *said])]))
    same = same and not damaged and not said
    print(f"{'the same' if same else 'DIFFERS'}: {manifest['version']} ({manifest['digest'][:12]}) and a build from its raw inputs")
    return 0 if same else 1


def damaged_files(published: Path, manifest: Mapping[str, Any]) -> list[str]:
    """Files of a version that are not what its own manifest says: the digest of each was taken when it was published."""
    found = []
    for name, said in manifest["files"].items():
        path = published / name
        if not path.is_file():
            found.append(f"file {name} is gone from the published version")
        elif sha256_of(path) != said["sha256"]:
            found.append(f"file {name} has another digest than manifest.json says")
    there = {p.relative_to(published).as_posix() for p in published.rglob("*") if p.is_file()}
    return found + [f"file {name} is not in manifest.json" for name in sorted(there - manifest["files"].keys() - {"manifest.json"})]


def damaged_blobs(home: Home) -> list[str]:
    """Raw bytes that the journals of a home name and that are gone, or no longer have the digest that is their name."""
    store = RawStore(home.raw)
    found: dict[str, str] = {}
    broken: list[str] = []
    for source in store.sources():
        broken += [f"{name} of raw/ is damaged: that attempt is lost" for name in store.damaged(source)]
        for entry in store.entries(source):
            for page in entry["pages"]:
                found.setdefault(page["sha256"], f"raw blob {page['sha256']} of {source} ({page['key'] or page['url']})")
    return broken + [f"{what} is {'damaged' if store.blob(sha).exists() else 'gone'}: `make refresh` keeps it anew where it still has the source"
            for sha, what in found.items() if not store.is_whole(sha)]  # fmt: skip


@contextmanager
def second_home(home: Home, manifest: Mapping[str, Any], keep: Path | None = None) -> Iterator[Home]:
    """A home with the raw bytes (hard links where the file system has them) and the history of another, on the same disk;
    of the journals what the version saw."""
    folder = keep or Path(tempfile.mkdtemp(prefix=".verify-", dir=home.root))
    folder.mkdir(parents=True, exist_ok=True)
    other = Home(folder.resolve())
    try:
        if home.raw.exists():
            _copy_raw(home, other, manifest["journals"])
        if home.history.exists():
            _copy_history(home, other, str(manifest["digest"]))
        yield other
    finally:
        if keep is None:
            for path in folder.rglob("*"):  # a version's files are read-only
                if path.is_dir() and not path.is_symlink():
                    path.chmod(0o755)
            shutil.rmtree(folder, ignore_errors=True)


def _copy_raw(home: Home, other: Home, seen: Mapping[str, object]) -> None:
    """Link the raw bytes, and leave out what came after the newest entry that the version saw of each source."""
    shutil.copytree(home.raw, other.raw, copy_function=_link, ignore=shutil.ignore_patterns("tmp"), dirs_exist_ok=True)
    store = RawStore(other.raw)
    for source in store.sources():
        newest = seen.get(source, "")
        if isinstance(newest, int):  # of a version that is older than such entries: everything it saw is in one file
            newest = ""
        for name in store.names(source):
            if name.rpartition("/")[2] > str(newest):
                (other.raw / name).unlink()


def _copy_history(home: Home, other: Home, digest: str) -> None:
    """Copy the line of versions up to the one of that digest."""
    shutil.copytree(home.history, other.history, dirs_exist_ok=True)
    line = history.entries(other)
    for later in line:
        if later.sequence > _place(line, digest):
            for path in other.history.glob(f"*-{later.digest[:16]}.*"):
                path.unlink()


def _place(line: list[history.Entry], digest: str) -> int:
    return next((e.sequence for e in line if e.digest == digest), line[-1].sequence if line else 0)


def _link(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target


def land(home: Home, say: Teller) -> planning.Plan:
    """Land every source from `raw/` alone, asking nobody, and plan a build of it."""
    landing = Landing(home)
    sources = all_sources()
    for source in sources:
        landing.ensure_schema(source)
        landing.rebuild(source)
    dbt.ensure_manifest(home, say)
    with release.writer(home):
        return planning.make_plan(home, sources, "verify")


def build_tables(home: Home, say: Teller) -> None:
    """Build the warehouse of what landed. Raises dbt.DbtFailed."""
    with release.writer(home):
        for leftover in dbt.build_file(home).parent.glob("warehouse.duckdb*"):
            leftover.unlink()
        say("building the tables")
        for _ in dbt.run(home, ["build", "--exclude", "resource_type:unit_test", "resource_type:test"]):
            pass


def why_other(manifest: Mapping[str, Any], plan: planning.Plan) -> str:
    """Why the code here would build another version, in words."""
    here, there = plan.code_version, str(manifest["code_version"])
    changed = planning.changed_since(there.rstrip("+"))
    listed = f" Files that differ from it: {', '.join(changed[:10])}{f' and {len(changed) - 10} more' if len(changed) > 10 else ''}." if changed else ""
    if here.rstrip("+") != there.rstrip("+"):
        return f"the version was made by the code of commit {there}, this is {here}: check that commit out and try again.{listed}"
    return (
        "what landed from the raw bytes, or the code, is not what the version was made from: files of the checkout may differ from "
        f"commit {there}, or `make refresh` would build something new.{listed}"
    )


def compared(one: Path, other: Path) -> tuple[list[str], bool]:
    """What two version folders that should be the same agree and differ in, in words, table by table and file by file; and
    whether they agree in all but what may differ."""
    with duckdb.connect(str(one / "atlas.duckdb"), read_only=True) as con:
        tables = [f"{s}.{t}" for s, t in con.execute("select schema_name, table_name from duckdb_tables() order by all").fetchall()]
    differing = _differing_tables(one, other)
    names, differ, excepted = _differing_files(one, other)
    lines = [_of_table(name, differing.get(name, [])) for name in sorted({*tables, *differing})]
    lines.append(
        f"  files: {len(names) - len(differ) - len(excepted)} of {len(names) - len(excepted)} the same to the byte"
    )
    lines += [f"  file {name} DIFFERS" for name in differ]
    lines += [
        f"  not compared as bytes: {name}: {MAY_DIFFER_FILES.get(name, 'an export of a table that names its build')}"
        for name in excepted
    ]
    return lines, not differ and not differing


def _differing_tables(one: Path, other: Path) -> dict[str, list[str]]:
    """Table → what differs in it: columns, and comments."""
    differing = differing_tables(one / "atlas.duckdb", other / "atlas.duckdb", exempt=MAY_DIFFER)
    said, again = comments(one / "atlas.duckdb"), comments(other / "atlas.duckdb")
    for name in sorted(said.keys() & again.keys()):
        if said[name] != again[name]:
            schema, table, *column = name.split(".")
            differing.setdefault(f"{schema}.{table}", []).append(f"comment on {column[0] if column else 'the table'}")
    return differing


def _differing_files(one: Path, other: Path) -> tuple[set[str], list[str], list[str]]:
    """All files, those that differ (in words), and those that may."""
    names = {p.relative_to(folder).as_posix() for folder in (one, other) for p in folder.rglob("*") if p.is_file()}
    differ, excepted = [], []
    for name in sorted(names):
        if may_differ_file(name):
            excepted.append(name)
        elif not (one / name).exists() or not (other / name).exists():
            differ.append(f"{name}: only in {one.name if (one / name).exists() else 'the second build'}")
        elif sha256_of(one / name) != sha256_of(other / name):
            differ.append(name)
    return names, differ, excepted


def _of_table(name: str, differing: list[str]) -> str:
    if differing:
        words = [
            c.replace("(missing in a)", "(not in the published version)").replace(
                "(missing in b)", "(not in the second build)"
            )
            for c in differing
        ]
        return f"  table {name}: DIFFERS in {', '.join(words)}"
    but_for = f" (but for {', '.join(MAY_DIFFER[name])})".replace("*", "all of it") if name in MAY_DIFFER else ""
    return f"  table {name}: the same{but_for}"


if __name__ == "__main__":
    sys.exit(main())
