"""Take a file that a user supplied out of the next version: `make withdraw FILE=name WHY="..."`.

Belongs here: the command, which appends the withdrawal to the raw journal and takes the file out of the inbox. Does not
belong here: what lands (sources/inbox) and when (the next refresh). The raw bytes of the file and its audit record stay;
the same file brought again counts again.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ingest.home import Home
from ingest.store.raw import WITHDRAWN, RawStore
from ingest.text.scrub import redact
from sources.inbox.shelf import SOURCE, WITHDRAWN_FOLDER, files_by_partition, known_files, path_name, shown


@dataclass(frozen=True)
class Candidate:
    """A file that can be withdrawn: it stands, or lies in the inbox, or both."""

    partition: str
    kind: str
    file: str  # kind and path as shown in audits
    path: Path | None  # where it lies in the inbox
    stands: bool

    def names(self, inbox: Path) -> set[str]:
        """What a user may call it: `kind/path`, the path, the file's name; also as the audit shows them."""
        inner = self.file.partition("/")[2]
        found = {self.partition, self.file, inner, inner.rpartition("/")[2]}
        if self.path is not None:
            name = path_name(inbox / self.kind, self.path)
            found |= {f"{self.kind}/{name}", name, name.rpartition("/")[2]}
        return found


def candidates(home: Home) -> list[Candidate]:
    """Every file that stands or lies in the inbox."""
    here = files_by_partition(home.inbox)
    known = known_files(RawStore(home.raw))
    found = []
    for partition in dict.fromkeys([*known, *here]):
        lies, was = here.get(partition), known.get(partition)
        stands = was is not None and was.entry is not None
        if lies is None and not stands:
            continue
        kind = lies[0] if lies else was.kind  # type: ignore[union-attr]
        file = shown(kind, lies[1]) if lies else was.file  # type: ignore[union-attr]
        found.append(Candidate(partition, kind, file, lies[2] if lies else None, stands))
    return found


def chosen(home: Home, name: str, among: Iterable[Candidate]) -> Candidate:
    """The one file that `name` means. Raises LookupError, with what is there, for none or several."""
    every = list(among)
    wanted = name.strip().removeprefix("inbox/")
    named = [one for one in every if wanted in one.names(home.inbox)]
    exact = [one for one in named if wanted in (one.partition, one.file)]
    if len(exact) == 1:
        return exact[0]
    if not named:
        there = ", ".join(one.file for one in every[:20]) or "none"
        raise LookupError(f"no file {redact(wanted)!r} stands or lies in the inbox; there are: {there}")
    if len(named) > 1:
        raise LookupError(f"{redact(wanted)!r} may be {', '.join(one.file for one in named)}: say which, with its kind and folder")
    # two people's export.csv: after one was withdrawn, its bare name must not take the other's
    bare = [] if "/" in wanted else [file.file for file in known_files(RawStore(home.raw)).values() if file.file.rpartition("/")[2] == wanted]
    if others := sorted(set(bare) - {named[0].file}):
        raise LookupError(f"{redact(wanted)!r} may be {named[0].file}, and was also the name of {', '.join(others)}: say which, with its kind and folder")
    return named[0]


def withdraw(home: Home, name: str, why: str) -> Candidate:
    """Withdraw the file that `name` means. Raises LookupError (no such file, or several), ValueError (no reason), OSError
    (the file cannot be taken out of the inbox: then nothing is changed)."""
    why = " ".join(redact(why).split())[:500]
    if not why:
        raise ValueError("a withdrawal needs its reason: WHY=\"...\"")
    one = chosen(home, name, candidates(home))
    if one.path is not None:  # first: were it left there, the next refresh would take it for brought again
        target = home.inbox / WITHDRAWN_FOLDER / one.kind / one.path.relative_to(home.inbox / one.kind)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(one.path, target)
    RawStore(home.raw).record(SOURCE, one.partition, [], WITHDRAWN, file=one.file, reason=why)
    return one


def main(argv: list[str] | None = None) -> int:
    """The command; 0 withdrawn, 1 nothing changed, 2 wrong use."""
    parser = argparse.ArgumentParser(prog="withdraw", description=__doc__)
    parser.add_argument("--file", required=True, help="kind/path as the refresh names it, or its name where that is plain")
    parser.add_argument("--why", required=True, help="the reason, for the audit")
    options = parser.parse_args(argv)
    home = Home.from_env()
    if not options.file.strip() or not options.why.strip():
        print('which file, and why? make withdraw FILE=name WHY="..."', file=sys.stderr)
        return 2
    try:
        one = withdraw(home, options.file, options.why)
    except (LookupError, ValueError) as error:
        print(error.args[0], file=sys.stderr)
        return 1
    except OSError as error:
        print(f"nothing was changed: {error}", file=sys.stderr)
        return 1
    print(f"{one.file} is withdrawn; its raw bytes and its audit record stay. The next refresh publishes without it.")
    if one.path is not None:
        print(f"the file itself lies in {home.inbox / WITHDRAWN_FOLDER / one.kind} now; brought into the inbox again, it counts again")
    return 0


if __name__ == "__main__":
    sys.exit(main())
