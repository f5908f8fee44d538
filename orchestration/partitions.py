"""Partitions: the only place with start dates and partition names.

Belongs here: a source's partition kind -> Dagster's partitions definition, and its keys -> names of landed files.
Does not belong here: schedules.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterable

import dagster as dg

from ingest.vocabulary import mainland
from sources import Source

#: Tags by which Dagster's own backfills ask one run for a range of partitions.
ASSET_PARTITION_RANGE_START_TAG = "dagster/asset_partition_range_start"
ASSET_PARTITION_RANGE_END_TAG = "dagster/asset_partition_range_end"
#: First month that policy sites are asked for: the 2009 pilot programme is where the field's story begins.
FIRST_MONTH = "2009-01-01"


PROVINCES = list(mainland())


@functools.cache
def _definition(name: str, kind: str, sites: tuple[str, ...] = ()) -> dg.PartitionsDefinition | None:
    if kind in ("month", "month_site"):
        months = dg.MonthlyPartitionsDefinition(start_date=FIRST_MONTH, end_offset=1)
        if kind == "month":
            return months
        # the names of the two dimensions decide the order in a key: 2024-05-01|shenzhen
        return dg.MultiPartitionsDefinition({"month": months, "site": dg.StaticPartitionsDefinition(list(sites))})
    if kind == "province":
        return dg.StaticPartitionsDefinition(PROVINCES)
    if kind in ("batch", "publish_date"):
        return dg.DynamicPartitionsDefinition(name=f"{name}_{kind}")
    return None  # "" and "file": the asset itself lands every partition that the source lists


def partitions_of(source: Source) -> dg.PartitionsDefinition | None:
    """The Dagster partitions of a source, or None where it lands all it lists in one run."""
    return _definition(source.name, source.partitions, source.sites)


def landing_name(source: Source, key: str) -> str:
    """Dagster's key of a partition -> the name that it lands under, which is a safe file name:
    `2024-05-01|shenzhen` -> `2024-05__shenzhen`. Other kinds land under their key."""
    if source.partitions != "month_site":
        return key
    month, _, site = str(key).partition("|")
    return f"{month[:7]}__{site}"


def dagster_key(source: Source, name: str) -> str:
    """The reverse of `landing_name`."""
    if source.partitions != "month_site":
        return name
    month, _, site = name.partition("__")
    return str(dg.MultiPartitionKey({"month": f"{month}-01", "site": site}))


def newest(source: Source, now: dt.datetime, months: int = 2) -> list[str]:
    """The keys of the newest months of every site, site by site, so that the lists of a site are read once."""
    definition = partitions_of(source)
    assert isinstance(definition, dg.MultiPartitionsDefinition)
    keys = definition.get_partitions_def_for_dimension("month").get_partition_keys(current_time=now)[-months:]
    return [str(dg.MultiPartitionKey({"month": m, "site": s})) for s in source.sites for m in keys]


def range_tags(keys: list[str]) -> dict[str, str]:
    """Tags of a run that lands every partition between the first and the last key (for two dimensions, in both)."""
    return {ASSET_PARTITION_RANGE_START_TAG: keys[0], ASSET_PARTITION_RANGE_END_TAG: keys[-1]}


def by_site(names: Iterable[str]) -> list[str]:
    """Landing names of month and site with those of one site together, newest month first: a list is then walked
    once, from its head."""
    months_first = sorted(names, reverse=True)
    return sorted(months_first, key=lambda name: name.partition("__")[2])
