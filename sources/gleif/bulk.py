"""The golden copy's files: a zip of one CSV of gigabytes, streamed from disk, of which the Chinese records are kept.

Belongs here: unpacking safely, reading by column name in bounded memory, and taking out what must not be kept. Does
not belong here: which file is asked for (fetch.py), or what a record means (parse.py).
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Collection, Sequence
from pathlib import Path

import polars as pl

from sources.base import Health, RejectFile, SourceError
from sources.gleif import columns
from sources.scrub import redact

MAX_BYTES = 20_000_000_000  # unpacked; the lei2 file of 2026 has about 5 GB
MAX_RATIO = 80.0  # the real files pack ten to one
BLOCK = 1 << 20


def unpack(archive: Path, into: Path, where: str) -> Path:
    """The one CSV of a zip, unpacked to `into`. Raises RejectFile("zip_bomb") where it is, or grows, beyond what is
    believable, ("unreadable") for what is no such zip; SourceError where the disk could not hold it."""
    try:
        with zipfile.ZipFile(archive) as box:
            members = [m for m in box.infolist() if m.filename.lower().endswith(".csv") and not m.is_dir()]
            if len(members) != 1 or len(box.infolist()) > 5:
                raise RejectFile("unreadable", f"{where}: {len(members)} CSV files in the zip, there should be one")
            member = members[0]
            if member.flag_bits & 1:
                raise RejectFile("unreadable", f"{where}: the zip is encrypted")
            if member.file_size > MAX_BYTES or member.file_size > MAX_RATIO * max(member.compress_size, 1):
                raise RejectFile("zip_bomb", f"{where}: {member.file_size} bytes out of {member.compress_size}")
            free = shutil.disk_usage(into.parent).free
            if member.file_size + 200_000_000 > free:
                raise SourceError(
                    Health.unreachable, f"{where}: needs {member.file_size / 1e9:.1f} GB of disk, {free / 1e9:.1f} are free"
                )
            written = 0
            with box.open(member) as source, open(into, "wb") as target:
                while block := source.read(BLOCK):
                    written += len(block)
                    if written > member.file_size:  # the directory of a bomb lies
                        raise RejectFile("zip_bomb", f"{where}: grows beyond the {member.file_size} bytes that it states")
                    target.write(block)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError) as error:
        raise RejectFile("unreadable", f"{where}: {type(error).__name__}: {error}") from None
    return into


def scan(csv: Path, required: Sequence[str], kept: Sequence[str], where: str) -> pl.LazyFrame:
    """The kept columns of a CSV as text, lazily. Raises RejectFile("schema_changed") where a required one has gone."""
    lazy = pl.scan_csv(csv, infer_schema=False, encoding="utf8")
    try:
        header = lazy.collect_schema().names()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise RejectFile("unreadable", f"{where}: {str(error)[:200]}") from None
    missing = sorted(set(required) - set(header))
    if missing:
        raise RejectFile("schema_changed", f"{where}: column {', '.join(missing)} has gone")
    return lazy.select([name for name in kept if name in header])


def gather(lazy: pl.LazyFrame, where: str) -> pl.DataFrame:
    """Run a scan block by block. Raises RejectFile("unreadable") for rows that are no CSV of the header's width."""
    try:
        return lazy.collect(engine="streaming")
    except (pl.exceptions.PolarsError, OSError) as error:
        raise RejectFile("unreadable", f"{where}: {str(error)[:200]}") from None


def count(csv: Path, where: str) -> int:
    """Records of a CSV (quoted line breaks do not count)."""
    return int(gather(pl.scan_csv(csv, infer_schema=False, encoding="utf8").select(pl.len()), where).item())


def chinese(lazy: pl.LazyFrame, also: Collection[str], where: str) -> pl.DataFrame:
    """LEI records with a legal address in China, and those of the LEIs in `also`; sole proprietors left out, and
    phone numbers and e-mail addresses taken out of names and addresses."""
    mine = (pl.col(columns.COUNTRY) == "CN") | pl.col(columns.LEI).is_in(sorted(also))
    frame = gather(lazy.filter(mine, pl.col(columns.CATEGORY).fill_null("") != columns.PERSON_CATEGORY), where)
    return frame.with_columns(
        pl.when(pl.col(name).str.contains(r"@|\d{7}|联系人|电话"))
        .then(pl.col(name).map_elements(redact, return_dtype=pl.String))
        .otherwise(pl.col(name))
        for name in columns.FREE_TEXT
        if name in frame.columns
    )


def parents(lazy: pl.LazyFrame, children: Collection[str], where: str) -> pl.DataFrame:
    """Relationship records by which one of `children` is consolidated, in any state (a delta ends them so)."""
    wanted = pl.col(columns.RR_TYPE).is_in(columns.RR_TYPES) & pl.col(columns.RR_CHILD).is_in(sorted(children))
    return gather(lazy.filter(wanted), where)
