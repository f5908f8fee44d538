"""When things run: the refresh job, schedules from each source's cadence, the inbox sensor, failure notes.

Belongs here: jobs, schedules, sensors. Does not belong here: what they run. Schedules ship stopped where
they reach the network, so that starting the UI never calls anyone; the daily refresh of what is here runs.
"""
# No `from __future__ import annotations` here: Dagster reads the context's annotation at definition.


import datetime as dt
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import dagster as dg

from ingest.declaration import SourceError
from ingest.home import Home, write_atomic
from ingest.store.landing import Landing
from orchestration.assets.landing import fetcher
from orchestration.partitions import newest, partitions_of, range_tags
from orchestration.resources import HomeResource
from sources import Source, selected_sources
from sources.inbox.shelf import inbox_files, path_name

REFRESH = "refresh"


def refresh_job(sources: list[Source]) -> Any:
    """Land what needs no partition key, build, check, publish."""
    selection = dg.AssetSelection.all() - dg.AssetSelection.tag("cadence", "live")
    return dg.define_asset_job(
        REFRESH,
        selection=selection,
        description="Land the bundled sources and the inbox, build, check, publish.",
        tags={"dagster/max_runtime": "3600"},
    )


def source_jobs(sources: list[Source]) -> list[Any]:
    """One job a live source: its landing alone, by partition where it has any."""
    return [
        dg.define_asset_job(
            f"land_{s.name}_job",
            selection=dg.AssetSelection.assets(*[[s.name, t.name] for t in s.tables if t.declared is None]),
            description=f"Land {s.title}.",
            tags={"dagster/max_runtime": "14400"},
        )
        for s in sources
        if s.live
    ]


def schedules(sources: list[Source]) -> list[dg.ScheduleDefinition]:
    found: list[dg.ScheduleDefinition] = [
        dg.ScheduleDefinition(
            name="refresh_daily",
            cron_schedule="30 21 * * *",  # 05:30 in China
            job_name=REFRESH,
            execution_timezone="UTC",
            description="Build and publish from all that has landed; does nothing when nothing is new.",
            default_status=dg.DefaultScheduleStatus.STOPPED,
        )
    ]
    for source in sources:
        if source.live and source.cadence:
            found.append(_source_schedule(source))
    return found


def _source_schedule(source: Source) -> dg.ScheduleDefinition:
    partitions = partitions_of(source)
    job = f"land_{source.name}_job"

    @dg.schedule(
        name=f"{source.name}_schedule",
        cron_schedule=source.cadence,
        job_name=job,
        execution_timezone="UTC",
        description=f"{source.title}: {source.coverage or source.publisher}",
        default_status=dg.DefaultScheduleStatus.STOPPED,
    )
    def due(context: dg.ScheduleEvaluationContext, home: HomeResource) -> Iterator[dg.RunRequest | dg.SkipReason]:
        if partitions is None:
            yield dg.RunRequest()
            return
        try:
            keys = due_partitions(home.get(), source, partitions, context.scheduled_execution_time)
        except SourceError as error:  # not reached, throttled or challenged: said, and asked again at the next tick
            yield dg.SkipReason(f"{source.name}: {error.health}: {error}")
            return
        if isinstance(partitions, dg.DynamicPartitionsDefinition) and keys:
            context.instance.add_dynamic_partitions(str(partitions.name), keys)
        if not keys:
            yield dg.SkipReason(f"{source.name} lists no partition that is due")
        if source.partitions == "month_site":
            # one run for all of them: the lists of a site are then read once for both months
            yield dg.RunRequest(
                run_key=f"{source.name}:{context.scheduled_execution_time:%Y%m%d}",
                tags=range_tags(keys),
            )
            return
        for key in keys:
            yield dg.RunRequest(run_key=f"{source.name}:{key}:{context.scheduled_execution_time:%Y%m%d}", partition_key=key)

    return due


def due_partitions(home: Home, source: Source, partitions: dg.PartitionsDefinition, now: dt.datetime) -> list[str]:
    """What a tick of the source's schedule asks for: what the source itself lists (which may ask its publisher), or
    every static key. Raises SourceError where the list cannot be had."""
    if isinstance(partitions, dg.MonthlyPartitionsDefinition):
        keys = list(partitions.get_partition_keys(current_time=now))
        return keys[-2:]  # this month and the last: late additions of a month come in its sequel
    if source.partitions == "month_site":
        return newest(source, now)
    if source.list_partitions is not None:
        return Landing(home, web=fetcher(source)).partitions(source)
    return list(partitions.get_partition_keys())


@dg.sensor(
    name="inbox_sensor",
    job_name=REFRESH,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Notices a file that a person put into the inbox, and refreshes.",
)
def inbox_sensor(context: dg.SensorEvaluationContext, home: HomeResource) -> dg.RunRequest | dg.SkipReason:
    now = inbox_digest(home.get())
    seen, asked = looked(context.cursor)
    if now in ("", asked):
        return dg.SkipReason("no new file in the inbox")
    if now != seen:  # a file that still grows would look otherwise at the next look
        context.update_cursor(json.dumps({"seen": now, "asked": asked}))
        return dg.SkipReason("the inbox has changed: looked at once more before it is read")
    context.update_cursor(json.dumps({"seen": now, "asked": now}))
    return dg.RunRequest(run_key=f"inbox:{now[:16]}")


def inbox_digest(home: Home) -> str:
    """How the inbox looks: names, sizes and times of its files, as a digest; "" where there is none."""
    seen = []
    for kind, path in inbox_files(home.inbox):
        try:
            stat = path.stat()
        except FileNotFoundError:  # gone meanwhile
            continue
        seen.append(f"{kind}/{path_name(home.inbox / kind, path)}:{stat.st_size}:{stat.st_mtime_ns}")
    return hashlib.sha256("\n".join(seen).encode("utf-8", "surrogateescape")).hexdigest() if seen else ""


def looked(cursor: str | None) -> tuple[str, str]:
    """(how the inbox looked at the last tick, how it looked when a refresh was last asked for)."""
    try:
        said = json.loads(cursor or "{}")
        return str(said.get("seen", "")), str(said.get("asked", ""))
    except (ValueError, AttributeError):  # the digest alone, as sensors of before kept it
        return str(cursor), str(cursor)


@dg.run_failure_sensor(
    name="failure_note",
    description="Writes published/status.json for every failed run, so that monitors need not read Dagster.",
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def failure_note(context: dg.RunFailureSensorContext, home: HomeResource) -> None:
    write_atomic(
        home.get().root / "status.json",
        json.dumps(
            {
                "state": "failed",
                "run": context.dagster_run.run_id,
                "job": context.dagster_run.job_name,
                "message": context.failure_event.message,
                "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            },
            ensure_ascii=False,
        ),
    )


__all__ = ["failure_note", "inbox_sensor", "refresh_job", "schedules", "selected_sources", "source_jobs"]
