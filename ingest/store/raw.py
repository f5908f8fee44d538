"""The raw store: every response as it came, content-addressed, never overwritten.

Belongs here: keeping and finding raw bytes. Does not belong here: what is in them, nor where objects lie (objects.py).
A blob is `blobs/<aa>/<sha256>`. Which blobs made a partition stands in the source's journal: one object for each attempt,
`<source>/journal/<stamp>-<digest>-<partition>.json`, whose stamps (UTC, to the microsecond) never go back within a source, so that
"as known on a date" can be answered later. Homes of before 2.0 have a file `<source>/journal.jsonl`; it is read before those.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ingest.declaration import Page
from ingest.home import sha256_of
from ingest.store.objects import Folder, Objects

#: The health of an entry that takes a partition out of what lands from now on; the snapshots before it stay.
WITHDRAWN = "withdrawn"
STAMP = "%Y%m%dT%H%M%S%f"


class MissingBlob(Exception):
    """A blob named by the journal is gone or damaged; the message names it."""


class _Journal:
    """The names of a source's entries, oldest first, all of them and by partition."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.of_partition: dict[str, list[str]] = {}

    def add(self, name: str) -> None:
        """Names end in `<stamp>-<digest>-<partition>.json`; a partition may have dashes."""
        partition = name.rpartition("/")[2].removesuffix(".json").split("-", 2)[2]
        self.names.append(name)
        self.of_partition.setdefault(partition, []).append(name)


class RawStore:
    """Content-addressed store under one folder, or in any other `Objects`."""

    def __init__(self, root: Path, objects: Objects | None = None):
        self.root = root
        self.objects: Objects = objects or Folder(root)
        self._former: dict[str, tuple[tuple[int, int], list[dict[str, Any]]]] = {}  # journals of before, as they were read
        self._journals: dict[str, _Journal] = {}  # the names of entries, listed once: see `_journal`

    # -- blobs -------------------------------------------------------------------------------------------------
    @staticmethod
    def name(sha256: str) -> str:
        return f"blobs/{sha256[:2]}/{sha256}"

    def blob(self, sha256: str) -> Path:
        """Where a blob lies in a local folder; it may not be there."""
        return self.root / self.name(sha256)

    def put(self, body: bytes) -> str:
        """Keep `body`; returns its sha256. Keeping the same bytes twice changes nothing."""
        digest = hashlib.sha256(body).hexdigest()
        if not self.is_whole(digest):  # lost, cut or damaged by something else than us
            self.objects.put(self.name(digest), body)
        return digest

    def is_whole(self, sha256: str) -> bool:
        """Whether a blob is here with the content that its name says."""
        try:
            return sha256_of(self.objects.path(self.name(sha256))) == sha256
        except FileNotFoundError:
            return False

    def put_file(self, path: Path, sha256: str = "") -> str:
        """Keep the file at `path` by moving it into the store (same file system) or copying it; returns its sha256.
        For what is too large for memory; the caller gives the file away."""
        sha256 = sha256 or sha256_of(path)
        if path == self.blob(sha256):  # kept already
            return sha256
        if self.is_whole(sha256):
            path.unlink(missing_ok=True)
            return sha256
        self.objects.put_file(self.name(sha256), path)
        return sha256

    def get(self, sha256: str) -> bytes:
        """The bytes of a blob. Raises MissingBlob when absent or when its content no longer has that digest."""
        try:
            body = self.objects.get(self.name(sha256))
        except FileNotFoundError:
            raise MissingBlob(f"raw blob {sha256} is missing") from None
        if hashlib.sha256(body).hexdigest() != sha256:
            raise MissingBlob(f"raw blob {sha256} is damaged: its content has another digest")
        return body

    def get_path(self, sha256: str) -> Path:
        """The path of a blob kept as a file, verified by streaming. Raises MissingBlob as `get` does."""
        try:
            path = self.objects.path(self.name(sha256))
        except FileNotFoundError:
            raise MissingBlob(f"raw blob {sha256} is missing") from None
        if sha256_of(path) != sha256:
            raise MissingBlob(f"raw blob {sha256} is damaged: its content has another digest")
        return path

    # -- the journal -------------------------------------------------------------------------------------------
    def record(self, source: str, partition: str, pages: Iterable[Page], health: str, **said: str) -> dict[str, Any]:
        """Add one attempt at a partition to the journal: its snapshot, or, without pages, what was `said` of why it gave none.
        Returns the entry. Raises OSError (a full disk): then nothing is in the journal."""
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
        body = json.dumps(entry, ensure_ascii=False, sort_keys=True).encode("utf-8")
        digest = hashlib.sha256(body).hexdigest()[:8]
        while True:
            name = f"{source}/journal/{self._stamp(source)}-{digest}-{partition}.json"
            if self.objects.put_if_absent(name, body):
                self._journal(source).add(name)
                return entry
            self._journals.pop(source)  # somebody else had that very moment: what is there now is listed anew

    def _stamp(self, source: str) -> str:
        """The time, or the moment after the newest entry of the source where a clock was set back."""
        newest = self.last(source).partition("-")[0]
        stamp = dt.datetime.now(dt.UTC).strftime(STAMP)
        if stamp <= newest:
            stamp = (dt.datetime.strptime(newest, STAMP).replace(tzinfo=dt.UTC) + dt.timedelta(microseconds=1)).strftime(STAMP)
        return stamp

    def _journal(self, source: str) -> _Journal:
        """The names of a source's entries. A store lists them once and adds its own: every run has a store of its own, and what
        another process records meanwhile is for the next one. Listing again at each question costs the square of the partitions."""
        if source not in self._journals:
            made = self._journals[source] = _Journal()
            for name in self.objects.list(f"{source}/journal"):
                made.add(name)
        return self._journals[source]

    def names(self, source: str, partition: str | None = None) -> list[str]:
        """The names of the entries of a source (of one partition, if given), oldest first."""
        journal = self._journal(source)
        return list(journal.names if partition is None else journal.of_partition.get(partition, []))

    def last(self, source: str) -> str:
        """The name of the newest entry of a source, without its folder; "" where it has none."""
        names = self._journal(source).names
        return names[-1].rpartition("/")[2] if names else ""

    def sources(self) -> list[str]:
        """Whose journals are kept here, in order."""
        folders = [path for path in self.root.iterdir() if path.name != "blobs"] if self.root.is_dir() else []
        return sorted(path.name for path in folders if (path / "journal").is_dir() or (path / "journal.jsonl").is_file())

    def entries(self, source: str, partition: str | None = None) -> Iterator[dict[str, Any]]:
        """All attempts at a source (at one partition, if given), oldest first. An entry that was damaged by something else than
        us is skipped; `damaged` names it."""
        for entry in self.of_before(source):
            if partition is None or entry["partition"] == partition:
                yield entry
        for name in self.names(source, partition):
            read = self.read(name)
            if read is not None:
                yield read

    def damaged(self, source: str) -> list[str]:
        """Entries of the journal that are not what their names say."""
        return [name for name in self.names(source) if self.read(name) is None]

    def read(self, name: str) -> dict[str, Any] | None:
        """An entry of the journal by its name; None where its bytes do not have the digest in it."""
        body = self.objects.get(name)
        if hashlib.sha256(body).hexdigest()[:8] != name.rpartition("/")[2].split("-")[1]:
            return None
        entry: dict[str, Any] = json.loads(body)
        return entry

    def of_before(self, source: str) -> list[dict[str, Any]]:
        """The entries of a journal that was one file. A line cut by a crash is skipped: it was never acknowledged."""
        path = self.root / source / "journal.jsonl"
        try:
            stat = path.stat()
        except FileNotFoundError:
            return []
        at = (stat.st_size, stat.st_mtime_ns)
        if source not in self._former or self._former[source][0] != at:
            with open(path, "rb") as handle:
                self._former[source] = (at, [json.loads(line) for line in handle if whole_line(line)])
        return self._former[source][1]

    def validators(self, source: str) -> Callable[[str], Mapping[str, str] | None]:
        """A function from an address to the kept headers and the sha256 of its last good page, or None. The journal is
        read at its first call; what this store records after that is added."""
        known: dict[str, dict[str, str]] = {}
        learnt = -1  # how many of the entries; -1: not even those of before

        def learn(entries: Iterable[Mapping[str, Any]]) -> None:
            for entry in entries:
                for page in entry["pages"] if entry["health"] == "ok" else ():
                    known[page["url"]] = {**page["headers"], "sha256": page["sha256"], "original_sha256": page["original_sha256"]}

        def previous(url: str) -> Mapping[str, str] | None:
            nonlocal learnt
            if learnt < 0:
                learn(self.of_before(source))
                learnt = 0
            names = self._journal(source).names
            if learnt < len(names):
                learn(filter(None, map(self.read, names[learnt:])))
                learnt = len(names)
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
    """Whether a line of a journal of before was written to its end: keys are sorted, so the source closes it."""
    return line.endswith(b'"}\n') and line.rfind(b', "source": "') > line.rfind(b"}]")
