"""Which firms of a national register are of the sector, and where they are.

Belongs here: going through a landed register beside its scrubbed form, which has the texts that the landed table leaves
there. Does not belong here: how sector and place are decided (ingest.firms.enrichment).

It is a step of its own, after the register has landed: a change of the vocabulary classifies again and judges nothing again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from ingest.firms.enrichment import EXTRACT, LIST_ROWS, may_be_of_sector, placed_of, sector_of
from ingest.firms.location import gazetteer_of
from sources.inbox.bulk.judge import known_text
from sources.inbox.bulk.lanes import Lane, Writer, ahead, compact, frame_of, meta_of, parts, plain_memory
from sources.inbox.kinds import LANDED, LEFT_IN_RAW

#: Records of which the sector is decided at once, and the place: what the rules and the gazetteer cost goes little with
#: their number.
MANY = 40_000


def sector_bulk(firms: Path, form: Path, seeds: Path, out: Path, said: Mapping[str, str | None]) -> None:  # noqa: C901 - four steps of one pipeline, which share its lanes; their branches are added up here
    """Write the extract of a landed register to `out` (the columns of EXTRACT, then those of `said`). `firms`: the landed
    table; `form`: the scrubbed form that it was judged from."""
    plain_memory()
    unjudged = pq.read_metadata(firms).num_rows <= LIST_ROWS
    values = {name: pl.lit(value, pl.String) for name, value in said.items()}
    writer = Writer(out, {**EXTRACT, **dict.fromkeys(said, pl.String)})
    choosing, deciding = Lane(), Lane()
    maybe: list[pl.DataFrame] = []  # records that may be of the sector
    found: list[pl.DataFrame] = []  # those that are

    def choose(part: pl.DataFrame, landed: pl.DataFrame) -> None:
        """Leave out what has no word of the sector, as most records of a register have none."""
        if not unjudged:
            part = part.filter(may_be_of_sector(_judged_by(part), seeds))
        texts = part.select("record", *(known_text(c, part.columns).alias(c) for c in LEFT_IN_RAW))
        maybe.append(compact(landed.join(texts, left_on="record_no", right_on="record", maintain_order="left")))
        if sum(rows.height for rows in maybe) > MANY:
            hand_on()

    def hand_on() -> None:
        if maybe:
            deciding.submit(classify, pl.concat(maybe))
            maybe.clear()

    def classify(rows: pl.DataFrame) -> None:
        found.append(compact(sector_of(rows, seeds, unjudged=unjudged)))
        locate(MANY)

    def locate(least: int) -> None:
        if sum(rows.height for rows in found) > least:
            placed = placed_of(pl.concat(found), seeds)
            found.clear()
            writer.write(placed.with_columns(**values))

    try:
        deciding.submit(gazetteer_of, seeds)
        for part, landed in ahead(_beside(firms, form)):
            choosing.submit(choose, part, landed)
        choosing.submit(hand_on)
        choosing.close()
        deciding.submit(locate, 0)
        deciding.close()
    except BaseException:
        choosing.abandon()
        deciding.abandon()
        writer.abandon()
        raise
    writer.close()


#: What the rules and the extract want of a landed record, and what is read in the form to choose whom they look at.
_WANTED = tuple(c for c in LANDED["firms"] if c in EXTRACT or c in ("city", "city_adcode", "industry", "industry_code"))
_JUDGED_BY = ("name_zh", "business_scope", "industry_code", "name_en")


def _beside(firms: Path, form: Path) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """The parts of the form, each with the landed records that came of it."""
    landed, raw = pq.ParquetFile(firms), pq.ParquetFile(form)
    wanted = list(_WANTED)
    counts = meta_of(firms)["groups"]
    # after the groups of each part come records that were judged together, from all over the file
    late = [frame_of(landed.read_row_group(i, columns=wanted)) for i in range(sum(counts), landed.num_row_groups)]
    # a record that has no row of text (`odd`) is one that was held
    have = [c for c in ("record", *dict.fromkeys((*_JUDGED_BY, *LEFT_IN_RAW))) if c in raw.schema_arrow.names]
    group = 0
    for part, count in zip(parts(raw, have), counts, strict=True):
        rows = [frame_of(landed.read_row_group(i, columns=wanted)) for i in range(group, group + count)]
        group += count
        rows += [table.join(part, left_on="record_no", right_on="record", how="semi") for table in late]
        if rows:
            yield part, pl.concat(rows)


def _judged_by(part: pl.DataFrame) -> pl.DataFrame:
    """Names and scopes as they are written, and the short columns as judging reads them."""
    return part.select(
        pl.col(c) if c in ("name_zh", "business_scope") else known_text(c, part.columns) for c in _JUDGED_BY if c in part.columns
    )
