"""The raw store: every response as it came, content-addressed, never overwritten.

Belongs here: keeping and finding raw bytes. Does not belong here: reading what is in them.
A blob is `raw/blobs/<aa>/<sha256>`; which blobs make a partition stands in an append-only journal
`raw/<source>/journal.jsonl`, one line a fetch, so that "as known on a date" can be answered later.
"""

from __future__ import annotations

import datetime as dt
import errno
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ingest.declaration import Page
from ingest.home import move_durably, sha256_of, write_atomic

#: The health of an entry that takes a partition out of what lands from now on; the snapshots before it stay.
WITHDRAWN = "withdrawn"


class MissingBlob(Exception):
    """A blob named by the journal is gone or damaged; the message names it."""


class RawStore:
    """Content-addressed store under one folder."""

    def __init__(self, root: Path):
        self.root = root
        self._index: dict[str, tuple[dict[str, list[int]], int]] = {}

    def blob(self, sha256: str) -> Path:
        return self.root / "blobs" / sha256[:2] / sha256

    def put(self, body: bytes) -> str:
        """Keep `body`; returns its sha256. Keeping the same bytes twice changes nothing."""
        digest = hashlib.sha256(body).hexdigest()
        path = self.blob(digest)
        if not self.is_whole(digest):  # lost, cut or damaged by something else than us
            write_atomic(path, body)
        return digest

    def is_whole(self, sha256: str) -> bool:
        """Whether a blob is here with the content that its name says."""
        path = self.blob(sha256)
        return path.is_file() and sha256_of(path) == sha256

    def put_file(self, path: Path, sha256: str = "") -> str:
        """Keep the file at `path` by moving it into the store (same file system) or copying it; returns its sha256.
        For what is too large for memory; the caller gives the file away."""
        sha256 = sha256 or sha256_of(path)
        target = self.blob(sha256)
        if path == target:  # kept already
            return sha256
        if self.is_whole(sha256):
            path.unlink(missing_ok=True)
            return sha256
        move_durably(path, target)
        return sha256

    def get(self, sha256: str) -> bytes:
        """The bytes of a blob. Raises MissingBlob when absent or when its content no longer has that digest."""
        path = self.blob(sha256)
        if not path.exists():
            raise MissingBlob(f"raw blob {sha256} is missing ({path.name})")
        body = path.read_bytes()
        if hashlib.sha256(body).hexdigest() != sha256:
            raise MissingBlob(f"raw blob {sha256} is damaged: its content has another digest")
        return body

    def get_path(self, sha256: str) -> Path:
        """The path of a blob kept as a file, verified by streaming. Raises MissingBlob as `get` does."""
        path = self.blob(sha256)
        if not path.exists():
            raise MissingBlob(f"raw blob {sha256} is missing ({path.name})")
        if sha256_of(path) != sha256:
            raise MissingBlob(f"raw blob {sha256} is damaged: its content has another digest")
        return path

    def journal(self, source: str) -> Path:
        return self.root / source / "journal.jsonl"

    def record(self, source: str, partition: str, pages: Iterable[Page], health: str, **said: str) -> dict[str, Any]:
        """Append one attempt at a partition to the journal: its snapshot, or, without pages, what was `said` of why it gave none
        (under keys that sort before `source`, which closes a line). Returns the entry."""
        entry = {
            **said,
            "source": source,
            "partition": partition,
            "health": health,
            "fetched_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "pages": [
                {
                    "url": page.url,
                    "key": page.key,
                    "sha256": self.put(page.body) if page.path is None else self.put_file(page.path, page.sha256),
                    "original_sha256": page.original_sha256 or page.sha256,
                    **({"file": True} if page.path is not None else {}),
                    "fetched_at": page.fetched_at.isoformat(timespec="seconds"),
                    "status": page.status,
                    "headers": dict(page.headers),
                }
                for page in pages
            ],
        }
        path = self.journal(source)
        path.parent.mkdir(parents=True, exist_ok=True)
        line = json.dumps(entry, ensure_ascii=False, sort_keys=True) + "\n"
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            size = os.fstat(fd).st_size
            whole = size == 0 or os.pread(fd, 1, size - 1) == b"\n"
            data = (line if whole else "\n" + line).encode("utf-8")  # after a line that was cut, a new one begins
            if os.write(fd, data) != len(data):  # one write: lines of parallel partitions never mix
                raise OSError(errno.ENOSPC, "the disk is full: the snapshot is not in the journal", str(path))
            os.fsync(fd)
        finally:
            os.close(fd)
        return entry

    def entries(self, source: str, partition: str | None = None) -> Iterator[dict[str, Any]]:
        """All snapshots of a source (of one partition, if given), oldest first. A line cut by a crash or a full disk is
        skipped: what it would have said was never acknowledged."""
        path = self.journal(source)
        if not path.exists():
            return
        with open(path, "rb") as handle:
            if partition is None:
                for line in handle:
                    if whole_line(line):
                        yield json.loads(line)
                return
            for offset in self._places(source).get(partition, ()):
                handle.seek(offset)
                yield json.loads(handle.readline())

    def _places(self, source: str) -> dict[str, list[int]]:
        """Partition -> where its lines begin in the journal, which is read once and after that only where it grew: a journal
        of thousands of partitions is long."""
        places, read = self._index.get(source, ({}, 0))
        path = self.journal(source)
        if path.stat().st_size > read:
            with open(path, "rb") as handle:
                handle.seek(read)
                for line in handle:
                    if not line.endswith(b"\n"):
                        break
                    if not whole_line(line):
                        read += len(line)
                        continue
                    # keys are sorted, so the entry's own partition is the last one of that name in its line
                    start = line.rfind(b'"partition": ') + len(b'"partition": ')
                    name, _ = json.JSONDecoder().raw_decode(line[start:].decode("utf-8"))
                    places.setdefault(name, []).append(read)
                    read += len(line)
            self._index[source] = (places, read)
        return places

    def validators(self, source: str) -> Callable[[str], Mapping[str, str] | None]:
        """A function from an address to the kept headers and the sha256 of its last good page, or None. The journal is
        read once, and after that only what was added to it."""
        known: dict[str, dict[str, str]] = {}
        read = 0

        def previous(url: str) -> Mapping[str, str] | None:
            nonlocal read
            path = self.journal(source)
            if path.exists() and path.stat().st_size > read:
                with open(path, "rb") as handle:
                    handle.seek(read)
                    for line in handle:
                        if not line.endswith(b"\n"):
                            break
                        read += len(line)
                        if not whole_line(line):
                            continue
                        entry = json.loads(line)
                        if entry["health"] == "ok":
                            for page in entry["pages"]:
                                known[page["url"]] = {
                                    **page["headers"], "sha256": page["sha256"], "original_sha256": page["original_sha256"]
                                }  # fmt: skip
            return known.get(url)

        return previous

    def newest(self, source: str, partition: str) -> dict[str, Any] | None:
        """The last entry of a partition, good or not; None where it was never asked for."""
        found = None
        for entry in self.entries(source, partition):
            found = entry
        return found

    def latest(self, source: str, partition: str, until: dt.datetime | None = None) -> dict[str, Any] | None:
        """The newest good snapshot of a partition (fetched not after `until`, if given), or None."""
        found = None
        for entry in self.entries(source, partition):
            if entry["health"] == WITHDRAWN:  # what it said before counts no more, until it comes again
                found = None
            if entry["health"] != "ok":
                continue
            if until is not None and dt.datetime.fromisoformat(entry["fetched_at"]) > until:
                continue
            found = entry
        return found

    def pages(self, entry: dict[str, Any]) -> Iterator[Page]:
        """The pages of a snapshot, read back and verified against their digests."""
        for page in entry["pages"]:
            yield Page(
                url=page["url"],
                body=b"" if page.get("file") else self.get(page["sha256"]),
                fetched_at=dt.datetime.fromisoformat(page["fetched_at"]),
                status=page["status"],
                headers=page["headers"],
                key=page["key"],
                original_sha256=page["original_sha256"],
                path=self.get_path(page["sha256"]) if page.get("file") else None,
                digest=page["sha256"],
            )


def whole_line(line: bytes) -> bool:
    """Whether a line of the journal was written to its end: keys are sorted, so the source closes it."""
    return line.endswith(b'"}\n') and line.rfind(b', "source": "') > line.rfind(b"}]")
