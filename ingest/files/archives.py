"""Compressed files: gzip inflated and zip archives checked within a size and a ratio."""

from __future__ import annotations

import re
import tempfile
import unicodedata
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

from isal import igzip_lib, isal_zlib

from ingest.declaration import RejectFile
from ingest.files.encodings import sniff
from ingest.files.records import MIB

MAX_RATIO = 200  # decoded to coded bytes, counted past RATIO_FLOOR; registry text compresses 6- to 30-fold
RATIO_FLOOR = 10 * MIB
MAX_DECODED = 64 << 30
MAX_MEMBERS = 1000


def gunzip(path: Path, workdir: Path | None = None, max_bytes: int = MAX_DECODED) -> IO[bytes]:
    """The decoded bytes of a gzip file as an anonymous temporary file, at its start.

    Sizes are counted on the stream. Raises RejectFile: `decompressed_too_large` beyond the ratio or size cap,
    `bad_archive` for a cut stream, a wrong checksum, or anything that follows the last member."""
    out = tempfile.SpooledTemporaryFile(max_size=16 * MIB, dir=str(workdir) if workdir else None)
    try:
        gunzip_into(path, out, max_bytes)
    except BaseException:
        out.close()
        raise
    out.seek(0)
    return out


def gunzip_into(path: Path, out: Any, max_bytes: int = MAX_DECODED) -> int:  # noqa: C901 - one stream, whose members and padding the loop tells apart as they come
    """Decode `path` into the open file `out`; returns the decoded bytes. Errors as for `gunzip`."""
    read = written = 0
    least = min(MIB, path.stat().st_size)  # a beginning that packs well says nothing of the whole
    decoder: Any = None

    def inflate(chunk: bytes) -> bytes:
        nonlocal written
        try:
            data: bytes = decoder.decompress(chunk, 4 * MIB)
        except igzip_lib.IsalError as error:  # type: ignore[misc]  # its stub calls the class an instance
            raise RejectFile("bad_archive", f"gzip: {error}") from None
        written += len(data)
        if written > max_bytes or (written > RATIO_FLOOR and written > MAX_RATIO * max(read, least)):
            raise RejectFile("decompressed_too_large", f"{written} bytes out of {read} and more to come")
        out.write(data)
        return data

    with open(path, "rb") as source:
        pending = b""
        while True:
            chunk = pending or source.read(MIB // 4)
            if not pending:
                read += len(chunk)
            pending = b""
            if not chunk:
                break
            if decoder is None:
                if read > len(chunk) and not chunk.strip(b"\0"):
                    continue  # zero padding after the last member is allowed
                if not chunk.startswith(b"\x1f") or (len(chunk) > 1 and not chunk.startswith(b"\x1f\x8b")):
                    raise RejectFile("bad_archive", "bytes that are no gzip member" if written else "no gzip file")
                decoder = isal_zlib.decompressobj(31)
            while chunk:
                inflate(chunk)
                chunk = decoder.unconsumed_tail
            while not decoder.eof and inflate(b""):  # what it has read and not given out yet
                pass
            if decoder.eof:
                pending, decoder = decoder.unused_data, None
                if pending and not pending.strip(b"\0"):
                    pending = b""
    if decoder is not None:
        raise RejectFile("bad_archive", "gzip stream is cut before its end")
    return written


def check_zip(path: Path, max_bytes: int = 512 * MIB, max_members: int = MAX_MEMBERS) -> list[zipfile.ZipInfo]:
    """Judge an archive without extracting it; returns its members. Raises RejectFile: `bad_archive`,
    `too_many_members`, `duplicate_member`, `unsafe_member_path`, `unsafe_member_type`, `encrypted`,
    `nested_archive`, `decompressed_too_large` (counted on the stream, since headers lie)."""
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise RejectFile("bad_archive", f"zip: {type(error).__name__}") from None
    with archive:
        members = archive.infolist()
        if len(members) > max_members:
            raise RejectFile("too_many_members", f"{len(members)} members, at most {max_members}")
        _refuse_unsafe(members)
        _refuse_bombs(archive, members, max(path.stat().st_size, 1), max_bytes)
    return members


def _refuse_unsafe(members: list[zipfile.ZipInfo]) -> None:
    """What the archive's directory says of its members."""
    names: set[str] = set()
    for member in members:
        name = unicodedata.normalize("NFKC", member.filename).replace("\\", "/")
        if name.startswith("/") or re.match(r"[A-Za-z]:", name) or ".." in name.split("/") or "\0" in name:
            raise RejectFile("unsafe_member_path", "a member's name leaves the archive's folder")
        kind = member.external_attr >> 28
        if kind not in (0, 0o10, 0o4):  # unset, regular file, folder; 0o12 would be a symbolic link
            raise RejectFile("unsafe_member_type", "a member is a link or a device")
        if name.lower() in names:
            raise RejectFile("duplicate_member", "two members have one name")
        names.add(name.lower())
        if member.flag_bits & 0x1:
            raise RejectFile("encrypted", "a member is encrypted")
        if name.lower().endswith((".zip", ".gz", ".rar", ".7z", ".tar", ".bz2", ".xz", ".tgz", ".zst")):
            raise RejectFile("nested_archive", "an archive within the archive")


def _refuse_bombs(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], coded: int, max_bytes: int) -> None:
    """What the members are when they are read: their true sizes are counted, and none may be an archive."""
    total = 0
    for member in members:
        size = 0
        try:
            with archive.open(member) as stream:
                while data := stream.read(MIB):
                    if size == 0 and sniff(data[:8]) in ("a zip archive or workbook", "a gzip file"):
                        raise RejectFile("nested_archive", "an archive within the archive")
                    size += len(data)
                    total += len(data)
                    if total > max_bytes or (total > RATIO_FLOOR and total > MAX_RATIO * coded):
                        raise RejectFile("decompressed_too_large", f"more than {total} bytes out of {coded}")
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
            raise RejectFile("bad_archive", f"a member cannot be read: {type(error).__name__}") from None
        if size != member.file_size:
            raise RejectFile("bad_archive", "a member is not as long as the archive says")
