"""Where whole objects lie under names of their own: the one door through which raw bytes are kept.

Belongs here: the interface and the local folder that is its first implementation. Does not belong here: what the objects are
(raw.py, landing.py).

Four verbs that every object store has: put a whole object under a name that nobody else uses, put it where the name is still
free, get it, list names. There is no append, no rename and no lock, so nothing that is kept here needs a file system.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from ingest.home import fsync_dir, move_durably, write_atomic


class Objects(Protocol):
    """Whole objects by name: `a/b/c`, parts that are no `.` or `..`, `/` between them."""

    def put(self, name: str, body: bytes) -> None:
        """Keep `body` under `name`, whole or not at all; the same name again is the same bytes. Raises OSError."""

    def put_file(self, name: str, path: Path) -> None:
        """Keep the content of a local file that the caller gives away; for what is too large for memory. Raises OSError."""

    def put_if_absent(self, name: str, body: bytes) -> bool:
        """Keep `body` under `name` if nothing is there yet; whether it was kept. Of two callers one gets True. Raises OSError."""

    def get(self, name: str) -> bytes:
        """The bytes under a name. Raises FileNotFoundError."""

    def path(self, name: str) -> Path:
        """A local file with the bytes under a name, to be read only. Raises FileNotFoundError."""

    def list(self, prefix: str) -> Iterator[str]:
        """Names below `prefix/`, in order."""


class Folder:
    """Objects as files of a local folder."""

    def __init__(self, root: Path):
        self.root = root

    def __repr__(self) -> str:
        return f"Folder({str(self.root)!r})"

    def put(self, name: str, body: bytes) -> None:
        write_atomic(self.root / name, body)

    def put_file(self, name: str, path: Path) -> None:
        move_durably(path, self.root / name)

    def put_if_absent(self, name: str, body: bytes) -> bool:
        target = self.root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        fd, written = tempfile.mkstemp(prefix=f".{target.name[:60]}.", suffix=".tmp", dir=target.parent)
        try:
            with os.fdopen(fd, "wb") as handle:
                handle.write(body)
                handle.flush()
                os.fsync(fd)
            os.chmod(written, 0o644)
            os.link(written, target)  # fails where the name is taken: the one step that cannot be half done
        except FileExistsError:
            return False
        finally:
            os.unlink(written)
        fsync_dir(target.parent)
        return True

    def get(self, name: str) -> bytes:
        return (self.root / name).read_bytes()

    def path(self, name: str) -> Path:
        path = self.root / name
        if not path.is_file():
            raise FileNotFoundError(path)
        return path

    def list(self, prefix: str) -> Iterator[str]:
        """Files that are still being written have names that begin with a dot, and are none of it."""
        folder = self.root / prefix
        try:
            found = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except (FileNotFoundError, NotADirectoryError):
            return
        for entry in found:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from self.list(f"{prefix}/{entry.name}")
            else:
                yield f"{prefix}/{entry.name}"
