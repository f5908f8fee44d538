"""Where state lives: the folders under EVATLAS_HOME, and how a file is written so that a crash leaves none half done.

Belongs here: paths and atomic writes. Does not belong here: what is in the files.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
SEEDS = CHECKOUT / "dbt_project" / "seeds"


@dataclass(frozen=True)
class Home:
    """The state folder of one atlas. Two homes never affect each other."""

    root: Path

    @classmethod
    def from_env(cls) -> Home:
        """EVATLAS_HOME, or `data/` in the checkout; always absolute."""
        return cls(Path(os.environ.get("EVATLAS_HOME") or CHECKOUT / "data").resolve())

    @property
    def raw(self) -> Path:
        return self.root / "raw"

    @property
    def landing(self) -> Path:
        return self.root / "landing"

    @property
    def quarantine(self) -> Path:
        return self.root / "quarantine"

    @property
    def inbox(self) -> Path:
        return self.root / "inbox"

    @property
    def warehouse(self) -> Path:
        return self.root / "warehouse.duckdb"

    @property
    def published(self) -> Path:
        return self.root / "published"

    @property
    def history(self) -> Path:
        return self.root / "history"

    @property
    def current(self) -> Path:
        return self.published / "current"

    @property
    def dagster(self) -> Path:
        return self.root / "dagster"


def fsync_dir(path: Path) -> None:
    """Make a rename in `path` durable: without it a power cut may bring the old name back."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`; on success it is fsynced and renamed over it, on error removed.

    A killed CSV write is a valid shorter CSV, so nothing is ever written under its final name.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    fd, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    os.close(fd)
    tmp = Path(name)
    try:
        yield tmp
        with open(tmp, "rb") as handle:
            os.fsync(handle.fileno())
        os.chmod(tmp, 0o644)
        os.replace(tmp, target)
        fsync_dir(target.parent)
    finally:
        tmp.unlink(missing_ok=True)


def move_durably(path: Path, target: Path) -> None:
    """Give the file at `path` away to `target`: by a rename where both lie on one file system, else by a copy."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if os.stat(path).st_dev == os.stat(target.parent).st_dev:
        with open(path, "rb") as handle:
            os.fsync(handle.fileno())
        os.chmod(path, 0o644)
        os.replace(path, target)
        fsync_dir(target.parent)
    else:
        with atomic_path(target) as tmp:
            shutil.copyfile(path, tmp)
        path.unlink(missing_ok=True)


def sha256_of(path: Path) -> str:
    """The digest of a file, read as a stream."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def write_atomic(target: Path, data: bytes | str) -> None:
    """Write `data` to `target` by temporary name, fsync and rename."""
    with atomic_path(target) as tmp:
        tmp.write_bytes(data if isinstance(data, bytes) else data.encode("utf-8"))
