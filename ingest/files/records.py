"""What a reader of files gives: records counted one by one, each taken or named with the reason why not."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

from ingest.declaration import RejectFile

MIB = 1 << 20
MAX_COLUMNS = 500
MAX_LINE = 4 * MIB  # characters of one physical line


class NumberText(str):
    """A JSON or workbook number, kept as the text it was written as."""


@dataclass
class Record:
    """One physical record: its values by header, or the reason why it has none.

    `faults` names single cells that cannot be taken (a formula, a list): header -> reason."""

    number: int  # 1 for the first record after the header
    values: dict[str, str | None] | None = None
    reason: str = ""
    detail: str = ""
    payload: str = ""
    faults: dict[str, str] = field(default_factory=dict)


@dataclass
class FileRead:
    """An opened file: its kind, encoding and header, and its records as they are read. Iterating may raise
    RejectFile, since a cut file shows only at its end."""

    media: str
    encoding: str
    header: list[str]
    records: Iterator[Record]
    flags: list[str] = field(default_factory=list)


def check_header(header: list[str]) -> None:
    """Raises RejectFile `duplicate_header` when two columns have one name."""
    seen: dict[str, int] = {}
    for number, name in enumerate(header, 1):
        folded = "".join(unicodedata.normalize("NFKC", name).split()).lower()
        if folded and folded in seen:  # not quoted: the first line may be no header but a record
            raise RejectFile("duplicate_header", f"columns {seen[folded]} and {number} have one name")
        seen[folded] = number
