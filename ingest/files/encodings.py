"""Which encoding a text file has, and what a file is by its first bytes."""

from __future__ import annotations

from typing import IO

from ingest.declaration import RejectFile
from ingest.files.records import MAX_LINE

BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def detect_encoding(stream: IO[bytes]) -> str:
    """The encoding of delimited text or JSON lines: by BOM, by the zeros of UTF-16, else whichever of UTF-8 and
    GB18030 leaves fewer lines undecodable (one bad byte does not change a file's encoding). Raises RejectFile
    `invalid_encoding` when both fail on half of the lines that are not plain ASCII."""
    stream.seek(0)
    head = stream.read(4096)
    stream.seek(0)
    for bom, name in BOMS:
        if head.startswith(bom):
            return name
    if by_zeros := _utf16_by_zeros(head):
        return by_zeros
    lines, bad8, badgb = _undecodable(stream)
    stream.seek(0)
    if bad8 == 0 or (bad8 <= badgb and bad8 * 2 <= lines):
        return "utf-8"
    if badgb * 2 <= lines and badgb < bad8:
        return "gb18030"
    raise RejectFile("invalid_encoding", f"{bad8} of {lines} lines are no UTF-8, {badgb} no GB18030")


def _undecodable(stream: IO[bytes]) -> tuple[int, int, int]:
    """Of the first 100,000 lines that are not plain ASCII: how many there are, are no UTF-8, and are no GB18030."""
    lines = bad8 = badgb = 0
    while lines < 100_000 and (line := stream.readline(MAX_LINE)):
        if not line.isascii():
            lines += 1
            bad8 += not decodes(line, "utf-8")
            badgb += not decodes(line, "gb18030")
    return lines, bad8, badgb


def _utf16_by_zeros(head: bytes) -> str:
    """UTF-16 without a BOM has a zero beside each ASCII character: behind it, or before it. "" where it is none."""
    if len(head) < 4:
        return ""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if odd > len(head) // 8 and even * 8 < odd:
        return "utf-16-le"
    if even > len(head) // 8 and odd * 8 < even:
        return "utf-16-be"
    return ""


def decodes(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


_MAGIC = (
    (b"PK\x03\x04", "a zip archive or workbook"), (b"%PDF", "a PDF"), (b"PAR1", "a Parquet file"),
    (b"\x1f\x8b", "a gzip file"), (b"\xd0\xcf\x11\xe0", "an old workbook"), (b"\x89PNG", "an image"),
)  # fmt: skip


def sniff(head: bytes) -> str:
    """What the first bytes say a file is, in words; "" for plain text."""
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    body = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if body[:1] == b"<":
        return "a web page or XML"
    if body[:2] in (b"[{", b'{"', b"[]", b"[["):
        return "JSON"
    return ""
