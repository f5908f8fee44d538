"""Versions: one writer, a version folder, one link switched at once.

Belongs here: locks, fencing tokens, version folders, retention. Does not belong here: what a version holds
(atlas/version/write.py) nor Dagster.

A reader opens `published/current/...`. `current` is a symbolic link that `os.replace` switches, so a reader
sees one whole version or the other; a rename over one fixed DuckDB file would let a stale write-ahead log of
the old file leak into the new one.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ingest.home import Home, fsync_dir, write_atomic

KEEP = 5


class StaleToken(Exception):
    """A later run has begun to build: what this run built must not be published."""


class WriterBusy(Exception):
    """Another process is building or publishing and did not finish within the time allowed."""


@contextmanager
def writer(home: Home, wait_s: float = 600.0) -> Iterator[None]:
    """Hold the one writer's lock of a home. The kernel frees it when the process dies, however it dies."""
    home.root.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + wait_s
    with open(home.root / ".writer.lock", "a+") as handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise WriterBusy(f"{home.root}: another build has held the writer's lock for {wait_s:.0f} s") from None
                time.sleep(0.2)
        yield


def next_token(home: Home) -> int:
    """Take the next fencing token (under the writer's lock): every earlier one is void from now on."""
    path = home.root / ".fence"
    token = int(path.read_text()) + 1 if path.exists() else 1
    write_atomic(path, str(token))
    return token


def check_token(home: Home, token: int) -> None:
    current = int((home.root / ".fence").read_text())
    if token != current:
        raise StaleToken(f"run holds token {token}, but a later run took {current}: nothing is published")


def current_manifest(home: Home) -> dict[str, Any] | None:
    """The manifest of the version behind `current`, or None where nothing was ever published."""
    path = home.current / "manifest.json"
    if not path.exists():
        return None
    result: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return result


def folder_of(home: Home, digest: str) -> Path | None:
    """The newest version folder whose name ends with the digest; None where none is kept."""
    return next((path for path in reversed(versions(home)) if path.name.endswith(f"-{digest[:12]}")), None)


def sweep(home: Home) -> None:
    """Remove what a killed run may have left: half version folders and links (under the writer's lock)."""
    if home.published.exists():
        for path in home.published.iterdir():
            if path.name.startswith((".new-", ".current-")):
                _remove(path)


def publish(home: Home, staged: Path, version: str, token: int) -> Path:
    """Make the staged folder (inside `published/`) the current version. Under the writer's lock.

    Every file is fsynced and made read-only before the link moves; the last KEEP versions stay.
    Raises StaleToken when a later run has begun."""
    check_token(home, token)
    for folder, _, files in os.walk(staged):
        for name in files:
            path = Path(folder, name)
            with open(path, "rb") as handle:
                os.fsync(handle.fileno())
            os.chmod(path, 0o444)
        fsync_dir(Path(folder))
    final = home.published / version
    if final.exists():
        _remove(final)
    os.rename(staged, final)
    fsync_dir(home.published)
    link = home.published / f".current-{token}"
    link.unlink(missing_ok=True)
    os.symlink(version, link)
    os.replace(link, home.current)
    fsync_dir(home.published)
    retire(home)
    return final


def versions(home: Home) -> list[Path]:
    """Version folders, oldest first (by the sequence number in their manifest)."""
    found = []
    for path in home.published.iterdir() if home.published.exists() else []:
        manifest = path / "manifest.json"
        if path.is_dir() and not path.is_symlink() and not path.name.startswith(".") and manifest.exists():
            found.append((json.loads(manifest.read_text("utf-8"))["sequence"], path))
    return [path for _, path in sorted(found)]


def retire(home: Home) -> list[str]:
    """Remove all but the last KEEP versions, never the current one. Readers that hold a file open keep it."""
    current = home.current.resolve()
    gone = []
    for path in versions(home)[:-KEEP]:
        if path.resolve() != current:
            _remove(path)
            gone.append(path.name)
    return gone


def _remove(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)
