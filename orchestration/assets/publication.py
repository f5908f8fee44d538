"""The publication as a Dagster asset: the built warehouse, judged by dbt's tests, becomes the current version.

Belongs here: calling export and release under the writer's lock. Does not belong here: what a version holds.
"""
# No `from __future__ import annotations` here: Dagster reads the context's annotation at definition.


import shutil
from typing import Any

import dagster as dg

from atlas.version import write
from ingest.home import Home, sha256_of
from orchestration.assets.landing import OWNERS
from orchestration.assets.warehouse import WRITER_POOL
from orchestration.build import dbt, history, planning, release
from orchestration.commands import progress
from orchestration.resources import HomeResource


def publish_version(home: Home) -> dict[str, Any] | None:
    """Publish the build that the plan names; None when there was nothing new to build.

    Raises StaleToken when a later run has begun, and whatever export raises; `current` then stays as it was."""
    with release.writer(home):
        plan = planning.load_plan(home)
        if plan is None or plan.unchanged:
            return None
        if not plan.built:
            raise release.StaleToken("the last build did not finish: nothing is published")
        release.check_token(home, plan.token)
        release.sweep(home)
        staged = home.published / f".new-{plan.token}"
        try:
            manifest = write.write_version(home, plan, dbt.build_file(home), dbt.read_manifest(home), staged, history.database(home, plan.previous), progress.report)
            indicators = staged / "tables" / "indicator.parquet"
            entry = history.Entry(
                plan.sequence, plan.version, plan.digest, plan.inputs, plan.as_of, plan.previous, sha256_of(indicators), manifest["changes"]
            )
            release.check_token(home, plan.token)
            history.write(home, entry, indicators)
            release.publish(home, staged, plan.version, plan.token)
        finally:
            if staged.exists():
                shutil.rmtree(staged, ignore_errors=True)
        dbt.build_file(home).replace(home.warehouse)
        plan.unchanged = True
        planning.save_plan(home, plan)
        return manifest


def publish_asset(upstream: list[dg.AssetKey]) -> dg.AssetsDefinition:
    @dg.asset(
        key=["published", "atlas"],
        deps=upstream,
        group_name="published",
        owners=OWNERS,
        kinds={"duckdb", "parquet", "csv", "geojson", "html"},
        description="The version behind published/current: written whole, made read-only, and switched in by one link.",
        pool=WRITER_POOL,
    )
    def published_atlas(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult:
        manifest = publish_version(home.get())
        if manifest is None:
            current = release.current_manifest(home.get()) or {}
            return dg.MaterializeResult(metadata={"published": False, "current": current.get("version", "none")})
        return dg.MaterializeResult(
            data_version=dg.DataVersion(manifest["inputs"][:16]),
            metadata={
                "published": True,
                "version": manifest["version"],
                "as_of": manifest["as_of"],
                "files": len(manifest["files"]),
                "bytes": sum(f["bytes"] for f in manifest["files"].values()),
                "path": dg.MetadataValue.path(str(home.get().current)),
                "figures_left_out": dg.MetadataValue.json(manifest["figures_left_out"]),
            },
        )

    return published_atlas
