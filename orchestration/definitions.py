"""The whole system for Dagster, in one explicit list. Assembly only; no implementation belongs here."""

from __future__ import annotations

import dagster as dg

from ingest.home import Home
from orchestration import automation
from orchestration.assets import landing, publication, sweep, warehouse
from orchestration.build import dbt
from orchestration.resources import HomeResource
from sources import all_sources


def build_definitions() -> dg.Definitions:
    """Assets of every source, the dbt project, the publication; jobs, schedules, sensors; one executor.

    In-process by default: a multiprocess executor pays about three seconds a step for imports alone."""
    home = Home.from_env()
    sources = all_sources()
    dbt.ensure_manifest(home, say=lambda message: None)
    manifest = dbt.read_manifest(home)
    tables = warehouse.transform_assets(dbt.manifest_path(home))
    marts = [spec.key for spec in tables.specs if (spec.group_name or "").startswith(("marts", "metrics"))]
    nodes = landing.source_columns(manifest)
    return dg.Definitions(
        assets=[
            *(landing.ingest_assets(source, nodes) for source in sources),
            *(asset for source in sources for asset in landing.declared_assets(source, nodes)),
            tables,
            publication.publish_asset(marts),
            *warehouse.books(manifest),
        ],
        jobs=[automation.refresh_job(sources), *automation.source_jobs(sources), *sweep.sweep_jobs(sources)],
        schedules=[*automation.schedules(sources), *sweep.sweep_schedules(sources)],
        sensors=[automation.inbox_sensor, automation.failure_note],
        resources={"home": HomeResource()},
        executor=dg.in_process_executor,
    )


defs = build_definitions()
