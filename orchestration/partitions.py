"""Partitions: the only place with start dates and partition names.

Belongs here: a source's partition kind -> Dagster's partitions definition. Does not belong here: schedules.
"""

from __future__ import annotations

import functools

import dagster as dg

from sources import Source

#: First month that policy sites are asked for: the 2009 pilot programme is where the field's story begins.
FIRST_MONTH = "2009-01-01"
PROVINCES = [
    "110000", "120000", "130000", "140000", "150000", "210000", "220000", "230000", "310000", "320000",
    "330000", "340000", "350000", "360000", "370000", "410000", "420000", "430000", "440000", "450000",
    "460000", "500000", "510000", "520000", "530000", "540000", "610000", "620000", "630000", "640000", "650000",
]  # fmt: skip


@functools.cache
def _definition(name: str, kind: str) -> dg.PartitionsDefinition | None:
    if kind == "month":
        return dg.MonthlyPartitionsDefinition(start_date=FIRST_MONTH, end_offset=1)
    if kind == "province":
        return dg.StaticPartitionsDefinition(PROVINCES)
    if kind in ("batch", "publish_date"):
        return dg.DynamicPartitionsDefinition(name=f"{name}_{kind}")
    return None  # "" and "file": the asset itself lands every partition that the source lists


def partitions_of(source: Source) -> dg.PartitionsDefinition | None:
    """The Dagster partitions of a source, or None where it lands all it lists in one run."""
    return _definition(source.name, source.partitions)
