"""`make as-of DATE=... OUT=file.csv`: the indicators as they were known on a day, from the history that a version carries.

Belongs here: reading the history (decision 8) back to one day. Does not belong here: how history is written (models/marts/indicators), nor
rebuilding from raw bytes by older code: an older version's own folder is the place for that, as long as it is kept.

Two calls for the same moment give the same bytes, whatever was published since: the row that held then is in every later version,
closed by `known_to`, and nothing else of it is ever changed.
"""

from __future__ import annotations

import argparse
import datetime as dt
import io
import sys
from pathlib import Path

import polars as pl

from orchestration.build import INDICATOR_SCHEMA
from sources.home import Home, write_atomic

KEY = ["indicator", "geography_level", "geography_id", "period"]
COLUMNS = [c for c in INDICATOR_SCHEMA if c != "known_to"]  # on that day nobody knew when the value would be replaced


def moment(text: str) -> str:
    """A day (its end, UTC) or a moment with its offset -> the form in which known_from and known_to are written. Raises ValueError."""
    if len(text) == 10:
        day = dt.date.fromisoformat(text)
        return dt.datetime.combine(day, dt.time(23, 59, 59), dt.UTC).isoformat(timespec="seconds")
    when = dt.datetime.fromisoformat(text)
    if when.tzinfo is None:
        raise ValueError(f"{text}: a time needs its offset, as in 2026-11-26T12:00:00+00:00")
    return when.astimezone(dt.UTC).isoformat(timespec="seconds")


def known(history: pl.DataFrame, when: str) -> pl.DataFrame:
    """One row per indicator, place and period: the value that held at `when`, sorted. Empty before the first version."""
    held = (pl.col("known_from") <= when) & (pl.col("known_to").is_null() | (pl.col("known_to") > when))
    return history.filter(held).select(COLUMNS).sort(KEY)


def text_of(frame: pl.DataFrame) -> bytes:
    """CSV, UTF-8, one line feed a row, shortest digits that give the same number back."""
    buffer = io.BytesIO()
    frame.write_csv(buffer, float_scientific=False)
    return buffer.getvalue()


def main(argv: list[str] | None = None) -> int:
    """Exit codes: 0 done, 1 nothing was published yet or nothing was known then, 2 the date cannot be read."""
    parser = argparse.ArgumentParser(prog="make as-of", description=__doc__)
    parser.add_argument("--date", required=True, help="2026-11-26 (the end of that day, UTC) or 2026-11-26T12:00:00+00:00")
    parser.add_argument("--out", required=True, type=Path)
    options = parser.parse_args(argv)
    try:
        when = moment(options.date)
    except ValueError as error:
        print(f"date: {error}", file=sys.stderr)
        return 2
    table = Home.from_env().current / "tables" / "indicator.parquet"
    if not table.exists():
        print(f"{table}: nothing was published yet; run `make refresh`", file=sys.stderr)
        return 1
    frame = known(pl.read_parquet(table), when)
    if frame.is_empty():
        print(f"nothing was published by {when}", file=sys.stderr)
        return 1
    options.out.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(options.out, text_of(frame).decode())
    print(f"{frame.height} indicators as known at {when}, from {frame['vintage_id'].n_unique()} vintages: {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
