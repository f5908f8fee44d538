"""The line of versions of a home: what the next build has to know of those before it.

Belongs here: the folder `history/`, whose files are inputs of a build beside `raw/`. Does not belong here: version folders and
links (release.py), what a version holds (atlas/version/write.py).

Each published version leaves two whole files under names of their own, never changed afterwards:
  history/<sequence>-<digest>.json     Entry: what it was made from, the version before it, and what CHANGES said
  history/<sequence>-<digest>.parquet  every vintage of every indicator, as that version published them
A home that is made anew from `raw/` and `history/` gives the same versions again: a build whose inputs are those of the last
entry *is* that version, and starts from the history that it started from.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from atlas.version.renames import renamed
from ingest.home import Home, sha256_of
from ingest.store.objects import Folder
from orchestration.build import release

#: Tables of indicators are kept of as many versions as version folders are, and of the one that the oldest started from.
KEEP_TABLES = release.KEEP + 1


class HistoryDamaged(Exception):
    """A file of `history/` is gone or has other content than its entry says; the message names it and the way out."""


@dataclass(frozen=True)
class Entry:
    """One published version. `inputs`: digest of what landed and of the code; `previous`: vintage_id (first
    12 digits of the digest) of the version before it; `digest`: of the two together, the version's identity; `changes`: what was told of the step from the one before."""

    sequence: int
    version: str
    digest: str
    inputs: str
    as_of: str
    previous: str | None
    indicator_sha256: str
    changes: dict[str, Any]


def digest_of(inputs: str, previous: Entry | None, compared: bool = True) -> str:
    """The identity of a version: what it is made from, the line of versions that it continues, and whether it is `compared` with
    the one before it: where that version's folder is gone nothing can be told of what changed, and CHANGES says other words."""
    told = "" if compared or previous is None else "\nnot compared"
    return hashlib.sha256(f"{inputs}\n{previous.digest if previous else ''}{told}".encode()).hexdigest()


def stem(home: Home, sequence: int, digest: str) -> Path:
    return home.history / f"{sequence:04d}-{digest[:16]}"


def table_path(home: Home, entry: Entry) -> Path:
    return stem(home, entry.sequence, entry.digest).with_suffix(".parquet")


def entries(home: Home) -> list[Entry]:
    """The line that the newest entry ends, oldest first. Raises HistoryDamaged for an entry that cannot be read."""
    found: dict[str, Entry] = {}
    for path in sorted(home.history.glob("*.json")):
        try:
            entry = Entry(**json.loads(path.read_text("utf-8")))
        except (ValueError, TypeError) as error:
            raise HistoryDamaged(f"{path}: cannot be read ({error}); bring it back from a copy, or move `history/` away to begin a new line") from None
        found[entry.digest[:12]] = entry
    line: list[Entry] = []
    at = max(found.values(), key=lambda e: (e.sequence, e.digest), default=None)
    while at is not None:
        line.append(at)
        at = found.get(at.previous) if at.previous else None
    return line[::-1]


def place(line: list[Entry], inputs: str) -> tuple[Entry | None, Entry | None]:
    """Where a build of these inputs stands: (the version before it, the version that it is again, if it is one)."""
    if line and line[-1].inputs == inputs:
        return (line[-2] if len(line) > 1 else None), line[-1]
    return (line[-1] if line else None), None


def indicators(home: Home, entry: Entry) -> Path:
    """The indicators as the version of an entry published them: from `history/`, else from its version folder, if that still
    stands. Raises HistoryDamaged when neither has the content that the entry names."""
    kept = table_path(home, entry)
    for path in (kept, home.published / entry.version / "tables" / "indicator.parquet"):
        if path.exists() and sha256_of(path) == entry.indicator_sha256:
            return path
    raise HistoryDamaged(f"{kept}: gone or damaged; bring it back from a copy, or move `history/` away to begin a new line")


def read(path: Path) -> pl.DataFrame:
    """The indicators of one version, under the names of today: a file that is older keeps its own (atlas/version/renames.csv)."""
    return renamed(pl.read_parquet(path), "main.indicator")


def write(home: Home, entry: Entry, indicator_table: Path) -> None:
    """Add a version to the line (again: nothing changes). The table comes first: an entry never names what is not there."""
    path = stem(home, entry.sequence, entry.digest).with_suffix(".json")
    if any(home.history.glob(f"*-{entry.digest[:16]}.json")):
        return
    kept = Folder(home.history)
    kept.put(table_path(home, entry).name, indicator_table.read_bytes())
    kept.put_if_absent(path.name, json.dumps(asdict(entry), ensure_ascii=False, indent=1).encode())
    for old in sorted(home.history.glob("*.parquet"))[:-KEEP_TABLES]:
        old.unlink()


def database(home: Home, vintage_id: str | None) -> Path | None:
    """The DuckDB file of a version of the line, by its vintage_id; None for none, or where it is no longer kept. A version of
    before there was a digest has another one in its entry than in its name."""
    named = [home.published / e.version for e in entries(home) if e.digest[:12] == vintage_id]
    alike = release.folder_of(home, vintage_id) if vintage_id else None
    return next((f / "atlas.duckdb" for f in (*named, alike) if f is not None and (f / "atlas.duckdb").is_file()), None)


def adopt(home: Home) -> None:
    """Begin the line of a home that was published before there was a `history/`: its current version is the first entry."""
    if home.history.exists() and any(home.history.glob("*.json")):
        return
    current = release.current_manifest(home)
    if current is None:
        return
    table = home.current / "tables" / "indicator.parquet"
    if not table.exists():
        return
    digest = current.get("digest") or hashlib.sha256(current["version"].encode()).hexdigest()
    write(home, Entry(current["sequence"], current["version"], digest, current["inputs"], current["as_of"], None, sha256_of(table), {}), table)
