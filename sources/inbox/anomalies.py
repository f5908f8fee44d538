"""When a readable file looks wrong as a whole: a burst of records, a drop, codes of other places, copies.

Belongs here: the guards and what they count. Does not belong here: single records (judge.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ingest.declaration import BlockFile
from ingest.text.scrub import redact
from ingest.text.values import fold
from sources.inbox.texts import printable


@dataclass
class Judged:
    """What a file came to. `rows` are distinct; `accepted` counts the physical records behind them."""

    kind: str
    records_in: int
    accepted: int
    rows: list[dict[str, Any]]
    quarantine: list[dict[str, Any]]
    flags: list[str] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)

    @property
    def reasons(self) -> dict[str, int]:
        return dict(sorted(Counter(row["reason"] for row in self.quarantine).items()))


def note_flags(found: Judged, flags: Counter[str]) -> None:
    """Count the flags of records among those of the file, and say them as notes."""
    found.flags += [f"{name}:{count}" for name, count in sorted(flags.items())]
    found.notes = [tuple(flag.split(":", 1)) if ":" in flag else (flag, "") for flag in found.flags]  # type: ignore[misc]


def held_row(number: int, reason: str, detail: str, payload: str, column: str = "") -> dict[str, Any]:
    return {
        "record": number, "reason": reason, "column": column or None, "detail": printable(redact(detail)),
        "payload": printable(payload) or None,
    }  # fmt: skip


BURST_ROWS, BURST_SHARE = 30, 0.5
PLACE_ROWS, PLACE_AGREEMENT = 30, 0.5
DUPLICATE_ROWS, DUPLICATE_SHARE = 20, 0.5


@dataclass
class Tally:
    """What the anomaly guards look at: counts over the accepted records of a file."""

    kept: int = 0  # records that could be judged, doubles included
    distinct: int = 0  # different things that they speak of
    days: Counter[str] = field(default_factory=Counter)  # founding days, of firms dated to the day
    places: dict[str, Counter[str]] = field(default_factory=dict)  # stated city -> place of the code -> records
    cities: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, kind: str, kept: Iterable[dict[str, Any]]) -> Tally:
        """The tally of rows of a kind, with their record ids."""
        found, ids = cls(), set()
        for row in kept:
            found.kept += 1
            ids.add(row["record_id"])
            if kind != "firms":
                continue
            if row["founded_precision"] == "day":
                found.days[row["founded_on"]] += 1
            if row["city"]:
                found.cities.add(fold(row["city"]))
                if row["uscc"]:
                    found.places.setdefault(fold(row["city"]), Counter())[place_of_code(row["uscc"])] += 1
        found.distinct = len(ids)
        return found

    def add(self, other: Tally) -> None:
        """Take in the counts of another part of the same file; `distinct` adds up only over disjoint parts."""
        self.kept += other.kept
        self.distinct += other.distinct
        self.days.update(other.days)
        for city, offices in other.places.items():
            self.places.setdefault(city, Counter()).update(offices)
        self.cities |= other.cities


def place_of_code(uscc: str) -> str:
    """The digits of a code to compare with a stated city: districts of a municipality are finer than its code, so
    provinces are compared there."""
    return uscc[2:6] if uscc[2:4] not in ("11", "12", "31", "50") else uscc[2:4]


def guard(found: Judged, tally: Tally, manifest: Mapping[str, Any]) -> None:
    """Hold back a file that reads well and cannot be right. A sidecar's `accept_anomalies` lets a person who has
    looked take it nevertheless."""
    for reason, detail in anomalies(found, tally, manifest):
        if reason in (manifest.get("accept_anomalies") or ()):
            found.flags.append(f"anomaly_accepted:{reason}")
            continue
        raise BlockFile(reason, detail)


def anomalies(found: Judged, tally: Tally, manifest: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """The guards that fire, as (reason, detail)."""
    said = manifest.get("previous")
    previous: Mapping[str, Any] = said if isinstance(said, Mapping) else {}
    before = manifest.get("previous_rows") or previous.get("rows")
    threshold = float(manifest.get("threshold") or 0.2)
    if before:
        yield from _changed_size(found.records_in, before, threshold)
    if tally.kept >= DUPLICATE_ROWS and tally.distinct < tally.kept * (1 - DUPLICATE_SHARE):
        yield "row_count_jump_or_duplicates", f"{tally.kept} records say only {tally.distinct} different things"
    if found.kind == "firms":
        yield from _odd_firms(found.records_in, tally, previous)


def _changed_size(total: int, before: Any, threshold: float) -> Iterable[tuple[str, str]]:
    """`before`: records of the file before this one, as the sidecar says; `threshold`: the share of them that may be
    missing."""
    if total < int(before) * (1 - threshold):
        yield "row_count_drop", f"{total} records, {before} before"
    elif total > int(before) * 3:
        yield "row_count_jump_or_duplicates", f"{total} records, {before} before"


def _odd_firms(total: int, tally: Tally, previous: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Firms founded on one day, codes of other places than the stated cities, other cities than before."""
    dated = sum(tally.days.values())
    if dated >= BURST_ROWS:
        _, count = tally.days.most_common(1)[0]
        if count > dated * BURST_SHARE:
            yield "anomaly:same_day_burst", f"{count} of {dated} firms are founded on one day"
    compared = sum(sum(c.values()) for c in tally.places.values())
    agreeing = sum(c.most_common(1)[0][1] for c in tally.places.values())
    if compared >= PLACE_ROWS and agreeing < compared * PLACE_AGREEMENT:
        yield "category_shift", f"the stated city fits the code's place in {agreeing} of {compared} records only"
    was, now = previous.get("cities"), len(tally.cities)
    if isinstance(was, int) and was >= 4 and now and not was / 2 <= now <= was * 3 and total >= 20:
        yield "category_shift", f"{now} cities, {was} before"
