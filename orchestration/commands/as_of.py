"""`make as-of DATE=... OUT=file.csv`: the indicators as they were known on a day, from the history that a version carries;
`make as-of VERSION=... OUT=file.csv`: as a version published them.

Belongs here: reading the history (decision 8) back to one day. Does not belong here: how history is written (models/marts/indicators), nor
rebuilding from raw bytes by older code: an older version's own folder is the place for that, as long as it is kept.

Days are the `as_of` of the versions that brought or closed a value: two homes with the same data know the same on the same day,
whenever they were built. Days of a line of versions never go back: a version whose `as_of` a withdrawal set back brings its
values on the latest day before it. Two versions of one `as_of` are told apart by VERSION alone. Two calls for the same day give the same
bytes, whatever later data were published since: the row that held then is in every later version, closed by `known_to`, and
nothing else of it is ever changed.
"""

from __future__ import annotations

import argparse
import datetime as dt
import io
import sys
from pathlib import Path

import polars as pl

from ingest.home import Home, write_atomic
from ingest.text.values import china_day
from orchestration.build import history
from orchestration.build.planning import INDICATOR_SCHEMA

KEY = ["indicator_id", "geography_level", "geography_id", "period"]
COLUMNS = [c for c in INDICATOR_SCHEMA if c != "known_to"]  # on that day nobody knew when the value would be replaced


def day_of(text: str) -> str:
    """A day, or a moment with its offset -> the ISO day in China, in which known_from and known_to are written. Raises ValueError."""
    if len(text) == 10:
        return dt.date.fromisoformat(text).isoformat()
    return china_day(dt.datetime.fromisoformat(text)).isoformat()


def known(vintages: pl.DataFrame, day: str) -> pl.DataFrame:
    """One row per indicator, place and period: the value that data up to `day` had brought, sorted. Empty before the first version."""
    since, until = (pl.col(c).str.head(10) for c in ("known_from", "known_to"))
    return vintages.filter((since <= day) & (until.is_null() | (until > day))).select(COLUMNS).sort(KEY)


def published(home: Home, version: str) -> pl.DataFrame:
    """The indicators as one version (its name, or the digest at the end of it) published them, sorted. Raises ValueError for a
    version that is not of this home, or of which the table is no longer kept."""
    entry = next((e for e in history.entries(home) if version in (e.version, e.digest[:12], e.digest)), None)
    if entry is None:
        raise ValueError(f"{version}: no version of {home.root}")
    try:
        table = history.read(history.indicators(home, entry))
    except history.HistoryDamaged:
        raise ValueError(f"{version}: its table of indicators is no longer kept (the last {history.KEEP_TABLES} are)") from None
    return table.filter(pl.col("known_to").is_null()).select(COLUMNS).sort(KEY)


def text_of(frame: pl.DataFrame) -> bytes:
    """CSV, UTF-8, one line feed a row, shortest digits that give the same number back."""
    buffer = io.BytesIO()
    # texts in quotation marks throughout: a reader that looks at the first rows alone must not take them for unquoted
    frame.write_csv(buffer, float_scientific=False, quote_style="non_numeric")
    return buffer.getvalue()


def main(argv: list[str] | None = None) -> int:
    """Exit codes: 0 done, 1 nothing was published yet or nothing was known then, 2 the date or version cannot be read."""
    parser = argparse.ArgumentParser(prog="make as-of", description=__doc__)
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument("--date", help="2026-11-26, or 2026-11-26T12:00:00+00:00 (its day in China): what data up to that day had brought")
    asked.add_argument("--version", help="the name of a version, or the digest at its end: what it published")
    parser.add_argument("--out", required=True, type=Path)
    options = parser.parse_args(argv)
    if options.out.name == "" or options.out.is_dir():
        print("where to? make as-of DATE=... OUT=file.csv", file=sys.stderr)
        return 2
    home = Home.from_env()
    table = home.current / "tables" / "indicator.parquet"
    if not table.exists():
        print(f"{table}: nothing was published yet; run `make refresh`", file=sys.stderr)
        return 1
    try:
        if options.version:
            when, frame = f"by version {options.version}", published(home, options.version)
        else:
            day = day_of(options.date)
            when, frame = f"as of {day}", known(history.read(table), day)
    except ValueError as error:
        print(f"{'version' if options.version else 'date'}: {error}", file=sys.stderr)
        return 2
    if frame.is_empty():
        print(f"nothing was known {when}", file=sys.stderr)
        return 1
    options.out.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(options.out, text_of(frame).decode())
    print(f"{frame.height} indicators known {when}, from {frame['vintage_id'].n_unique()} vintages: {options.out}")
    print("days are those to which the data speak (as_of), not those of building: the time of a build stands in meta.run alone")
    return 0


if __name__ == "__main__":
    sys.exit(main())
