"""What the lists of the exchanges share: stock codes, JSON with or without a callback, pages that belong together,
and the columns by which a listed company is judged.

Belongs here: what is the same at every exchange. Does not belong here: any one exchange's fields or addresses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from ingest.declaration import BlockFile, Page, RejectFile
from ingest.firms import enrichment
from ingest.records import text
from ingest.web.bodies import decode_text, read_json

#: Industries of the CSRC that are the vehicle sector whatever a name says: C36 is 汽车制造业.
VEHICLE_INDUSTRY = r"^C?36|汽车制造"
RESTARTS = 3
CALL = re.compile(r"\s*[A-Za-z_$][\w$.]{0,80}\s*\((.*)\)\s*;?\s*", re.DOTALL)


def code(value: object) -> str | None:
    """A stock code of six digits; spreadsheets lose its zeros. None for nothing. Raises ValueError."""
    found = text(value)
    if found is None:
        return None
    if not re.fullmatch(r"\d{1,6}", found):
        raise ValueError("no stock code")
    return found.zfill(6)


def unwrapped(body: bytes, where: str) -> Any:
    """The JSON of a reply, also where it is handed to a callback. Raises RejectFile."""
    found, _ = decode_text(body, where)
    call = CALL.fullmatch(found)
    return read_json((call.group(1) if call else found).encode("utf-8"), where)


def whole_list(ask: Callable[[int], Page], read: Callable[[Page], tuple[int, int, int]], where: str) -> Iterator[Page]:
    """All pages of one list. `ask(number)` fetches a page, `read(page)` says (rows in it, rows in all, pages in all).

    A list that changes between two of its pages is asked for again from its start. Raises BlockFile("incomplete")
    where it never holds still, or where its pages hold fewer rows than it counts: caps on the size of a page truncate
    without a word."""
    for _ in range(RESTARTS):
        first = ask(1)
        rows, total, pages = read(first)
        found = [first]
        for number in range(2, pages + 1):
            page = ask(number)
            more, total_now, pages_now = read(page)
            if (total_now, pages_now) != (total, pages):
                break
            found.append(page)
            rows += more
        else:
            if rows != total:
                raise BlockFile("incomplete", f"{where}: {rows} rows came, the exchange counts {total}")
            yield from found
            return
    raise BlockFile("incomplete", f"{where}: changed between its pages {RESTARTS} times")


def judged(frame: pl.DataFrame, schema: dict[str, Any], seeds: Path) -> pl.DataFrame:
    """`frame` with sector, segments and place (ingest/firms/enrichment.py), in the columns of `schema`."""
    if frame.is_empty():
        return pl.DataFrame(schema=schema)
    plain = frame.drop(c for c in enrichment.ENRICHED if c in frame.columns)
    return enrichment.enrich(plain, seeds).select(pl.col(c).cast(t) for c, t in schema.items())


def in_sector(names: Sequence[str], seeds: Path) -> list[bool]:
    """Whether each company's name says that it belongs to the sector."""
    if not names:
        return []
    frame = pl.DataFrame({"name_zh": list(names)})
    found: list[bool] = enrichment.enrich(frame, seeds).get_column("in_sector").to_list()
    return found


def rows_of(value: object, where: str) -> list[Any]:
    """`value` as a list. Raises RejectFile("schema_changed")."""
    if not isinstance(value, list):
        raise RejectFile("schema_changed", f"{where}: no list of records, but a {type(value).__name__}")
    return value
