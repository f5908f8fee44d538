"""What lies in the inbox and what the raw journal knows of it: a file is its kind and its path below the kind's folder.

Belongs here: names, partitions, which snapshot of a file counts, and whether a file has stopped growing. Does not belong
here: what is in a file (judge.py, bulk/).

A partition is `<kind>-<path, as a safe name>-<first 8 hex digits of the sha256 of the path in NFC>`: the same path again is
the same file, whatever it holds. Homes of before have partitions `<kind>-<first 16 digits of the file's sha256>`; their
entries count as snapshots of the path that their page names.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import re
import signal
import time
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingest.declaration import BlockFile, RejectFile, StandsAside
from ingest.store.raw import WITHDRAWN, RawStore
from ingest.text.scrub import redact
from sources.inbox.kinds import KINDS

SOURCE = "inbox"
SIDECARS = ("manifest.json",)
#: Files that `make withdraw` took out lie here, below the inbox, under kind and path.
WITHDRAWN_FOLDER = ".withdrawn"


def is_sidecar(path: Path) -> bool:
    return path.name in SIDECARS or path.name.endswith(".manifest.json")


# -- names -----------------------------------------------------------------------------------------------
def path_name(folder: Path, path: Path) -> str:
    """The path of a file below the folder of its kind, with `/`, in NFC: one name on every machine."""
    return unicodedata.normalize("NFC", path.relative_to(folder).as_posix())


def shown(kind: str, name: str) -> str:
    """A file as it is named in audits and messages: kind and path, without personal data; bytes of a name that are no text
    (archives of other systems have such names) as `\\xff`."""
    return f"{kind}/{redact(name.encode('utf-8', 'surrogateescape').decode('utf-8', 'backslashreplace'))}"


@functools.lru_cache(maxsize=65_536)
def partition_of(kind: str, name: str) -> str:
    """The partition of the file of this kind at the path `name` (see `path_name`)."""
    safe = re.sub(r"[^\w]+", "-", redact(name)).strip("-_")[:40].rstrip("-_") or "file"
    return f"{kind}-{safe}-{hashlib.sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"


def inbox_files(inbox: Path) -> Iterator[tuple[str, Path]]:
    """(kind, path) of every file in the inbox, in sub-folders too, sidecars and hidden files aside, in a fixed order."""
    for kind in KINDS:
        folder = inbox / kind
        if not folder.is_dir():
            continue
        for path in sorted(folder.rglob("*")):
            hidden = any(part.startswith((".", "~$")) for part in path.relative_to(folder).parts)
            if not hidden and not is_sidecar(path) and path.is_file():
                yield kind, path


def files_by_partition(inbox: Path) -> dict[str, tuple[str, str, Path]]:
    """Partition -> (kind, name, path) of what lies in the inbox."""
    found: dict[str, tuple[str, str, Path]] = {}
    for kind, path in inbox_files(inbox):
        name = path_name(inbox / kind, path)
        found.setdefault(partition_of(kind, name), (kind, name, path))
    return found


# -- what the journal knows ---------------------------------------------------------------------------------
@dataclass
class Known:
    """A file that came once: its newest snapshot that counts (None: withdrawn, or never read), and why it was withdrawn."""

    partition: str
    kind: str
    file: str  # kind and path as shown
    entry: dict[str, Any] | None = None
    withdrawn: str | None = None
    former: list[str] = field(default_factory=list)  # partitions under which its content came before paths were identities

    @property
    def sha256(self) -> str:
        """Of the file as it was received; "" where nothing counts."""
        return str(self.entry["pages"][0]["original_sha256"]) if self.entry else ""

    @property
    def place(self) -> tuple[int, str, str]:
        """The order of files: by kind, path, partition."""
        return KINDS.index(self.kind), self.file, self.partition


_FORMER = re.compile(rf"({'|'.join(KINDS)})-[0-9a-f]{{16}}")


def known_files(store: RawStore) -> Mapping[str, Known]:
    """Partition -> what the journal knows of it, in the order of files."""
    return _learned(store).known


def refused_files(store: RawStore) -> Mapping[str, Mapping[str, Any]]:
    """Partition -> the refusal that ends its line in the journal, for files whose last look gave one."""
    return _learned(store).refused


@dataclass
class _Learned:
    """What the entries of a journal say together, as far as they were read."""

    read: list[str]  # names of the entries
    found: dict[str, Known] = field(default_factory=dict)
    refused: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    ordered: dict[str, Known] | None = None

    @property
    def known(self) -> Mapping[str, Known]:
        if self.ordered is None:
            self.ordered = dict(sorted(self.found.items(), key=lambda item: item[1].place))
        return self.ordered

    def learn(self, entry: Mapping[str, Any]) -> None:
        self.refused.pop(entry["partition"], None)
        if entry.get("outcome") in ("rejected", "blocked") and entry["reason"] != LOST_BLOB:
            self.refused[entry["partition"]] = entry
        if entry["health"] not in ("ok", WITHDRAWN):
            return
        file = entry["file"] if entry["health"] == WITHDRAWN else entry["pages"][0]["key"]
        kind, _, name = file.partition("/")
        if kind not in KINDS:
            return
        former = _FORMER.fullmatch(entry["partition"])
        partition = partition_of(kind, name) if former else entry["partition"]
        known = self.found.setdefault(partition, Known(partition, kind, file))
        if former and entry["partition"] not in known.former:
            known.former.append(entry["partition"])
        if entry["health"] == WITHDRAWN:
            known.entry, known.withdrawn = None, entry.get("reason") or "no reason was given"
        else:
            known.entry, known.withdrawn = dict(entry), None
        self.ordered = None


#: What was learnt of the journals of this process's homes: a journal only grows, so that only new entries are read.
_LEARNED: dict[tuple[str, int], _Learned] = {}


def _learned(store: RawStore) -> _Learned:
    names = store.names(SOURCE)
    former = store.of_before(SOURCE)
    key = (str(store.root), len(former))
    so_far = _LEARNED.get(key)
    if so_far is None or names[: len(so_far.read)] != so_far.read:
        if len(_LEARNED) > 8:
            _LEARNED.clear()
        so_far = _LEARNED[key] = _Learned([])
        for entry in former:
            so_far.learn(entry)
    for name in names[len(so_far.read) :]:
        read = store.read(name)
        if read is not None:
            so_far.learn(read)
        so_far.read.append(name)
    return so_far


# -- refusals ------------------------------------------------------------------------------------------------
#: Health of the entry that ends the story of a file that was never taken: a user took it out of the inbox again.
FORGOTTEN = "forgotten"
#: Reason of a refusal that is about what is kept, not about the file that lies in the inbox.
LOST_BLOB = "lost_blob"


def _mark(landing: Path, partition: str) -> Path:
    return landing / SOURCE / "_refused" / partition


def remember_refusal(landing: Path, partition: str) -> None:
    """Note that this home refused a file that lay in its inbox, so that `refused_here` can tell a file that was deleted from
    one that was left behind when `raw/` and `history/` were moved."""
    mark = _mark(landing, partition)
    if not mark.exists():
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()


def refused_here(landing: Path, partition: str) -> bool:
    return _mark(landing, partition).exists()


def forget_refusal(landing: Path, partition: str) -> None:
    _mark(landing, partition).unlink(missing_ok=True)


def record_forgotten(store: RawStore, partition: str, file: str) -> None:
    """Say in the journal that a refused file is gone: a home made anew from it says nothing of the file any more."""
    store.record(SOURCE, partition, [], FORGOTTEN, file=file)


def refusal_of(entry: Mapping[str, Any]) -> RejectFile:
    """The refusal that an entry of the journal tells, as it was raised."""
    error = (BlockFile if entry["outcome"] == "blocked" else RejectFile)(entry["reason"], entry["detail"])
    error.file = entry["file"]
    return error


def set_aside(store: RawStore) -> dict[str, StandsAside]:
    """The partitions that are kept and do not land: withdrawn files, all but the first of files of equal bytes, and
    partitions of before whose files go by their path now."""
    found: dict[str, StandsAside] = {}
    first: dict[tuple[str, str], Known] = {}
    refused = refused_files(store)
    for partition, known in known_files(store).items():
        for former in known.former:
            found[former] = StandsAside("", f"{known.file} is now known by its path, as {partition}", known.file)
        if known.entry is None:
            if partition not in refused:  # brought again after its withdrawal, and refused
                found[partition] = withdrawn(known)
        else:
            one = first.setdefault((known.kind, known.sha256), known)
            if one is not known:
                found[partition] = StandsAside("double", f"{known.file} is the double of {one.file}, byte for byte: it counts once", known.file)
    return found


def withdrawn(known: Known) -> StandsAside:
    return StandsAside(WITHDRAWN, f"{known.file} was withdrawn: {known.withdrawn}", known.file)


def gone_files(inbox: Path, store: RawStore) -> list[str]:
    """Files that stand and are no longer in the inbox, as shown."""
    here = files_by_partition(inbox)
    return [known.file for partition, known in known_files(store).items() if known.entry is not None and partition not in here]


# -- whether it has stopped growing ----------------------------------------------------------------------------
RECENT_S = 3.0  # a file touched within the last seconds is looked at twice
LOOK_S = 0.5  # between the two looks
WRITER_S = 60.0  # and for how long after a touch its writer is asked for: some network file systems answer as if there was one


def signature(path: Path) -> tuple[int, ...]:
    """What changes when a file does. Raises OSError."""
    at = path.stat()
    return at.st_dev, at.st_ino, at.st_size, at.st_mtime_ns, at.st_ctime_ns


def first_look(memo: dict[Any, Any], path: Path) -> None:
    """Remember how a file looks now, for `settled`, so that many new files share one wait."""
    try:
        memo["inbox look", str(path)] = (time.monotonic(), signature(path))
    except OSError:
        memo.pop(("inbox look", str(path)), None)


def settled(memo: dict[Any, Any], path: Path, name: str) -> tuple[int, ...]:
    """The signature of a file whose size and time stood still over two looks; a file that nobody touched for a while needs
    no second. Raises RejectFile `still_growing`."""
    look = memo.get(("inbox look", str(path)))
    now = signature(path)
    if look is None or look[1] != now:  # a file that changed since the last look gets another
        look = (time.monotonic(), now)
    age = abs(time.time() - max(now[3], now[4]) / 1e9)
    if age < RECENT_S:
        time.sleep(max(0.0, look[0] + LOOK_S - time.monotonic()))
        if signature(path) != now:
            raise RejectFile("still_growing", f"{name} grew or changed while it was looked at: it is read at the next refresh")
    if age < WRITER_S and has_writer(path):
        raise RejectFile("still_growing", f"{name} is still open for writing: it is read at the next refresh")
    return now


def has_writer(path: Path) -> bool:
    """Whether some process has the file open for writing, by asking for a read lease (Linux, own files); False where that
    cannot be asked."""
    if not hasattr(fcntl, "F_SETLEASE"):
        return False
    fd = os.open(path, os.O_RDONLY)
    try:
        # should a writer come in this very moment, the kernel signals: with a signal that nobody minds
        fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        pass
    finally:
        os.close(fd)
    return False
