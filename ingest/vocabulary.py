"""The vocabularies that code reads from the seeds: segments, instruments, provinces.

Belongs here: reading them, so that no list of them stands in code. Does not belong here: their rows (dbt_project/seeds), nor places
below provinces (firms/places.py) and the rules that find segments and instruments (firms/sector.py, policies/coding.py).
A source that uses one names its file in `vocabulary` of its declaration, so that a new row parses its texts again.
"""

from __future__ import annotations

import csv
import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ingest.home import SEEDS

SEGMENTS, INSTRUMENTS, PROVINCES = "segments.csv", "instruments.csv", "provinces.csv"
DIRECTIONS = ("support", "reduce", "terminate", "restrict")
BENEFICIARIES = ("consumer", "maker", "operator", "city")


@dataclass(frozen=True)
class Segment:
    """A segment of the chain; `words`: what names it in a sentence of a policy (None: no policy does), tried in the order of `rank`."""

    segment_id: str
    family: str
    words: re.Pattern[str] | None
    rank: int


@dataclass(frozen=True)
class Instrument:
    """A policy instrument: its direction, who gains by it and in which segment, where a sentence does not say (None: unknown)."""

    instrument_id: str
    family: str
    direction: str
    beneficiary: str | None
    segment_id: str | None


@dataclass(frozen=True)
class Province:
    """A province-level unit: GB/T 2260 code, names, and the letters of ISO 3166-2:CN."""

    province_id: str
    name_zh: str
    short: str
    iso: str


def _rows(file: str, seeds: Path) -> list[dict[str, str]]:
    with open(seeds / file, encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


@functools.cache
def segments(seeds: Path = SEEDS) -> Mapping[str, Segment]:
    """segment_id -> segment, in the order of the seed. Raises ValueError for words that are no pattern or have no rank."""
    found = {}
    for row in _rows(SEGMENTS, seeds):
        words = row["policy_words"]
        if bool(words) != bool(row["policy_rank"]):
            raise ValueError(f"{SEGMENTS}: {row['segment_id']}: policy_words and policy_rank go together")
        try:
            pattern = re.compile(words, re.I) if words else None
        except re.error as error:
            raise ValueError(f"{SEGMENTS}: {row['segment_id']}: policy_words: {error}") from None
        found[row["segment_id"]] = Segment(row["segment_id"], row["family"], pattern, int(row["policy_rank"] or 0))
    return found


@functools.cache
def instruments(seeds: Path = SEEDS) -> Mapping[str, Instrument]:
    """instrument_id -> instrument, in the order of the seed. Raises ValueError for a word that is none of the vocabulary."""
    found = {}
    known = segments(seeds)
    for row in _rows(INSTRUMENTS, seeds):
        name, direction, beneficiary, segment = (row[c] for c in ("instrument_id", "default_direction", "default_beneficiary", "default_segment_id"))
        if direction not in DIRECTIONS or beneficiary not in ("", *BENEFICIARIES) or segment not in ("", *known):
            raise ValueError(f"{INSTRUMENTS}: {name}: direction {direction!r}, beneficiary {beneficiary!r} or segment {segment!r} is unknown")
        found[name] = Instrument(name, row["family"], direction, beneficiary or None, segment or None)
    return found


@functools.cache
def provinces(seeds: Path = SEEDS) -> Mapping[str, Province]:
    """province_id -> province, in the order of the seed (codes)."""
    return {
        row["province_id"]: Province(row["province_id"], row["name_zh"], row["name_zh_short"], row["iso_3166_2"])
        for row in _rows(PROVINCES, seeds)
    }


def mainland(seeds: Path = SEEDS) -> Mapping[str, Province]:
    """The provinces of the mainland, whose sites the atlas is about."""
    return {code: province for code, province in provinces(seeds).items() if code < "700000"}
