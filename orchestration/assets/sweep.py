"""The sweep: a weekly look over whole lists for what came late, and a landing of the months that it changed.

Belongs here: the job and its schedule for every source that can be swept. Does not belong here: how a list is read
(the source's `sweep`), nor the daily landing (automation.py).
"""
# No `from __future__ import annotations` here: Dagster reads the context's annotation at definition.

from typing import Any

import dagster as dg

from ingest.declaration import RejectFile, SourceError
from ingest.store.landing import Landing
from orchestration.assets.landing import describe, fetcher, report
from orchestration.resources import HomeResource
from sources import Source

CRON = "40 16 * * 6"  # Sunday 00:40 in China


def sweep_jobs(sources: list[Source]) -> list[Any]:
    return [sweep_job(source) for source in sources if source.sweep is not None]


def sweep_job(source: Source) -> Any:
    """A job that reads every list of every site to its end and lands the partitions that now show other entries than they
    landed with. A site that cannot be read is named, and the others go on."""

    @dg.op(
        name=f"sweep_{source.name}",
        pool=f"host_{source.name}",
        config_schema={"sites": dg.Field([str], default_value=list(source.sites), description="sites to look over")},
        description="Re-list without a bound of months; land the months that changed.",
    )
    def sweep(context: dg.OpExecutionContext, home: HomeResource) -> None:
        assert source.sweep is not None
        landing = Landing(home.get(), web=fetcher(source), say=context.log.info)
        for site in context.op_config["sites"]:
            try:
                changed = source.sweep(landing.fetch_context(source), site)
            except (SourceError, RejectFile) as error:
                context.log.warning(f"{site}: not swept: {error}")
                continue
            context.log.info(f"{site}: {len(changed)} months changed")
            for partition in changed:
                account = landing.land(source, partition)
                context.log.info(f"{partition}: {describe(account)}")
                for table in source.tables:
                    if table.declared is None:
                        report(context, landing, source, table.name, [account])

    @dg.job(name=f"sweep_{source.name}_job", description=f"Late additions of {source.title}.", executor_def=dg.in_process_executor)
    def job() -> None:
        sweep()

    return job


def sweep_schedules(sources: list[Source]) -> list[dg.ScheduleDefinition]:
    return [
        dg.ScheduleDefinition(
            name=f"sweep_{source.name}",
            cron_schedule=CRON,
            job_name=f"sweep_{source.name}_job",
            execution_timezone="UTC",
            description=f"Whole lists of {source.title}, for what came late.",
            default_status=dg.DefaultScheduleStatus.STOPPED,
        )
        for source in sources
        if source.sweep is not None
    ]
