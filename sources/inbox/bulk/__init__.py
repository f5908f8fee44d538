"""Registry files at national scale: the inbox's `firms` by whole columns, in bounded memory.

Belongs here: when a file goes this way, and reading it and judging it at once. Does not belong here: how it is read
(read.py), judged (judge.py), or its sector and places found (sector.py).
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from ingest.declaration import Parsed
from sources.inbox.bulk.judge import Contested, Judging, judge_bulk
from sources.inbox.bulk.read import read_bulk
from sources.inbox.scrubbed import Scrubber

#: A file of firms of at least this many bytes goes this way.
BULK_BYTES = {"csv": 8 << 20, "csv.gz": 1 << 19, "jsonl": 32 << 20, "parquet": 1 << 19, "xlsx": 16 << 20}


def is_bulk(path: Path, kind: str, media: str) -> bool:
    """Whether a file is large enough for whole columns; the verdict on its records is the same either way."""
    return kind == "firms" and path.stat().st_size >= BULK_BYTES.get(media, 1 << 62)


@dataclass
class Reading:
    """A file whose scrubbed form is written, and which was judged while it was read if its medium allows it."""

    meta: dict[str, Any]  # what was understood of the file
    sha256: str  # of the form
    today: dt.date
    out: Path | None  # where the table `firms` is
    said: Mapping[str, str | None]
    judging: Judging | None
    done: Parsed | None = None  # what `parsed` gave once: it may be looked at before it is landed

    def parsed(self, form: Path, today: dt.date, page_key: str = "") -> Parsed:
        """The table with its books and quarantine; `form` is where the scrubbed form is by now. Raises BlockFile when an
        anomaly guard holds the file back."""
        if self.done is None or self.today != today:
            self.done = self._parsed(form, today, page_key)
        return self.done

    def _parsed(self, form: Path, today: dt.date, page_key: str) -> Parsed:
        contested = None
        if self.judging is not None and self.today == today:
            try:
                return self.judging.finish(self.meta, page_key)
            except Contested as found:
                contested = found.identities
        elif self.judging is not None:
            self.judging.abandon()
        return judge_bulk(form, today, self.out, self.said, page_key, contested)

    def close(self) -> None:
        """Leave nothing behind: neither threads nor a table that nobody took over."""
        if self.judging is not None:
            self.judging.abandon()
        if self.out is not None and self.out.parent.exists():
            shutil.rmtree(self.out.parent, ignore_errors=True)


def read_and_judge(
    path: Path, kind: str, media: str, manifest: Mapping[str, Any], form: Path, today: dt.date, out: Path | None = None,
    said: Mapping[str, str | None] | None = None,
) -> Reading:  # fmt: skip
    """Write the scrubbed form of a file to `form`, and what it lands to `out`, with the columns of `said`. Raises RejectFile
    or BlockFile with its reason."""
    made: list[Judging] = []

    def meet(scrubber: Scrubber) -> Callable[[pl.DataFrame], None]:
        made.append(Judging(scrubber.columns.mapped, scrubber.columns.units, today, out, said or {}))
        return made[-1].add

    read = None
    try:
        read = read_bulk(path, kind, media, manifest, form, meet)
    finally:
        if read is None or not read.met:  # an error, or begun as a plain file, which it was not
            for judging in made:
                judging.abandon()
    return Reading(read.meta, read.sha256, today, out, said or {}, made[0] if read.met else None)
