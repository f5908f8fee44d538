"""The golden copy's files: a zip of one CSV of gigabytes, read from the zip block by block; the Chinese records are kept.

Belongs here: opening safely, reading by column name in bounded memory, and taking out what must not be kept. Does not
belong here: which file is asked for (fetch.py), or what a record means (parse.py).

The CSV is never unpacked to disk, and no more of it is in memory than a block and what has been kept: a memory-mapped
scan of the unpacked file held 1.3 GB for 1.3 GB.
"""

from __future__ import annotations

import zipfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import polars as pl

from ingest.declaration import RejectFile
from ingest.text.scrub import redact
from sources.gleif import columns

MAX_BYTES = 20_000_000_000  # unpacked; the lei2 file of 2026 has about 5 GB
MAX_RATIO = 80.0  # the real files pack ten to one
BLOCK = 32 << 20


def member_of(box: zipfile.ZipFile, where: str) -> zipfile.ZipInfo:
    """The one CSV of a zip. Raises RejectFile("zip_bomb") where it is beyond what is believable, ("unreadable") where
    there is no such file."""
    members = [m for m in box.infolist() if m.filename.lower().endswith(".csv") and not m.is_dir()]
    if len(members) != 1 or len(box.infolist()) > 5:
        raise RejectFile("unreadable", f"{where}: {len(members)} CSV files in the zip, there should be one")
    member = members[0]
    if member.flag_bits & 1:
        raise RejectFile("unreadable", f"{where}: the zip is encrypted")
    if member.file_size > MAX_BYTES or member.file_size > MAX_RATIO * max(member.compress_size, 1):
        raise RejectFile("zip_bomb", f"{where}: {member.file_size} bytes out of {member.compress_size}")
    return member


def last_record_end(block: bytes) -> int:
    """Where the last whole record of a block ends (after its line break), the block beginning with a record; 0 where
    none ends. A line break counts where an even number of quotes stands before it."""
    odd = block.count(b'"') % 2
    end = len(block)
    while (at := block.rfind(b"\n", 0, end)) >= 0:
        odd ^= block.count(b'"', at, end) % 2
        if not odd:
            return at + 1
        end = at
    return 0


def blocks(archive: Path, where: str, size: int = 0) -> Iterator[bytes]:
    """The CSV of a zip in pieces of whole records of about `size` bytes (default BLOCK), each under the header line.
    Raises RejectFile as `member_of` does, and ("unreadable") where the zip is damaged or a record has no end."""
    size = size or BLOCK
    try:
        with zipfile.ZipFile(archive) as box, box.open(member_of(box, where)) as source:
            header = source.readline(1 << 20)
            rest = b""
            while piece := source.read(size):
                block = rest + piece
                end = last_record_end(block)
                if not end and len(block) > 4 * size:
                    raise RejectFile("unreadable", f"{where}: a record of more than {4 * size} bytes")
                if end:
                    yield header + block[:end]
                rest = block[end:]
            if rest.strip():
                yield header + rest
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError) as error:
        raise RejectFile("unreadable", f"{where}: {type(error).__name__}: {error}") from None


def sift(
    archive: Path, required: Sequence[str], kept: Sequence[str], wanted: pl.Expr, where: str
) -> tuple[pl.DataFrame, int]:
    """The kept columns (as text) of the records that are wanted, and how many records there are in all. Raises
    RejectFile("schema_changed") where a required column has gone, ("unreadable") for what is no CSV under its header."""
    found: list[pl.DataFrame] = []
    total = 0
    for block in blocks(archive, where):
        if not found:
            header = pl.read_csv(block[: block.index(b"\n") + 1], infer_schema=False).columns
            missing = sorted(set(required) - set(header))
            if missing:
                raise RejectFile("schema_changed", f"{where}: column {', '.join(missing)} has gone")
        try:
            frame = pl.read_csv(block, infer_schema=False, columns=[name for name in kept if name in header])
        except pl.exceptions.PolarsError as error:
            raise RejectFile("unreadable", f"{where}: {str(error)[:200]}") from None
        total += frame.height
        mine = frame.filter(wanted)
        # made anew: a filtered frame's texts are views into the whole block, which would then stay in memory
        found.append(pl.DataFrame(mine.to_dict(as_series=False), schema=mine.schema))
    if not found:
        return pl.DataFrame(schema=dict.fromkeys(required, pl.String)), 0
    return pl.concat(found), total


def chinese(archive: Path, also: Collection[str], where: str) -> tuple[pl.DataFrame, int]:
    """LEI records with a legal address in China, and those of the LEIs in `also`; and how many there are in all."""
    mine = (pl.col(columns.COUNTRY) == "CN") | pl.col(columns.LEI).is_in(sorted(also))
    frame, total = sift(archive, columns.REQUIRED, columns.KEPT, mine & not_a_person(), where)
    return scrubbed(frame), total


def chosen(archive: Path, leis: Collection[str], where: str) -> pl.DataFrame:
    """The LEI records of given LEIs."""
    mine = pl.col(columns.LEI).is_in(sorted(leis))
    return scrubbed(sift(archive, columns.REQUIRED, columns.KEPT, mine & not_a_person(), where)[0])


def parents(archive: Path, children: Collection[str], where: str) -> tuple[pl.DataFrame, int]:
    """Relationship records by which one of `children` is consolidated, in any state (a delta ends them so)."""
    wanted = pl.col(columns.RR_TYPE).is_in(columns.RR_TYPES) & pl.col(columns.RR_CHILD).is_in(sorted(children))
    return sift(archive, columns.RR_OF_FILE, columns.RR_KEPT, wanted, where)


def not_a_person() -> pl.Expr:
    return pl.col(columns.CATEGORY).fill_null("") != columns.PERSON_CATEGORY


def scrubbed(frame: pl.DataFrame) -> pl.DataFrame:
    """Phone numbers and e-mail addresses taken out of names and addresses."""
    return frame.with_columns(
        pl.when(pl.col(name).str.contains(r"@|\d{7}|联系人|电话"))
        .then(pl.col(name).map_elements(redact, return_dtype=pl.String))
        .otherwise(pl.col(name))
        for name in columns.FREE_TEXT
        if name in frame.columns
    )
