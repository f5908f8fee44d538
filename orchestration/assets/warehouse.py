"""The dbt project as Dagster assets: every model with its columns, every test as a check.

Belongs here: how dbt nodes are shown and run. Does not belong here: SQL. dagster-dbt's translator and
decorator are kept; its CLI resource is not (see orchestration/build/dbt.py).
"""
# No `from __future__ import annotations` here: Dagster reads the context's annotation at definition.


from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, dbt_assets
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

from ingest.home import Home
from orchestration.assets.landing import OWNERS
from orchestration.build import dbt, planning, release
from orchestration.commands import progress
from orchestration.resources import HomeResource
from sources import all_sources

#: Builds and publications share one pool of one: there is one writer.
WRITER_POOL = "warehouse_writer"


class Translator(DagsterDbtTranslator):
    """Groups by layer, owners, and the description without the SQL appended to it."""

    def __init__(self) -> None:
        super().__init__(settings=DagsterDbtTranslatorSettings(enable_asset_checks=True))

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: Any) -> dg.AssetSpec:
        spec = super().get_asset_spec(manifest, unique_id, project)
        node = manifest.get("nodes", {}).get(unique_id) or manifest["sources"][unique_id]
        fqn = node["fqn"][1:]
        group = "_".join(fqn[:2]) if fqn[0] == "marts" and len(fqn) > 2 else fqn[0]
        if node["resource_type"] == "seed":
            group = "vocabulary"
        return spec.replace_attributes(
            description=node.get("description") or "",
            group_name=group,
            owners=OWNERS,
            kinds={"duckdb", "dbt" if node.get("language") != "python" else "python"},
        )


def transform_assets(manifest: Path) -> dg.AssetsDefinition:
    translator = Translator()

    @dbt_assets(manifest=manifest, dagster_dbt_translator=translator, name="warehouse", pool=WRITER_POOL)
    def warehouse(context: dg.AssetExecutionContext, home: HomeResource) -> Iterator[Any]:
        at = home.get()
        with release.writer(at):
            plan = planning.make_plan(at, all_sources(), context.run_id, force="force" in context.run.tags)
            if plan.unchanged:
                context.log.info(f"nothing new since {plan.previous}: nothing is built")
                return
            planning.free_space_check(at)
            plan.token = release.next_token(at)
            release.sweep(at)
            for leftover in dbt.build_file(at).parent.glob("warehouse.duckdb*"):
                leftover.unlink()
            planning.save_plan(at, plan)
            nodes = dbt.read_manifest(at)
            yield from dbt_events(context, at, nodes, translator)
            plan.built = True
            planning.save_plan(at, plan)

    return warehouse


def books(manifest: dict[str, Any]) -> list[dg.AssetSpec]:
    """The files that the landing and the planner write about themselves and dbt reads (schemas with a leading underscore):
    not materialised by any run of their own, but named, described and grouped, so that the graph has no strangers."""
    return [
        dg.AssetSpec(
            [node["source_name"], node["name"]], group_name="books", kinds={"parquet"},
            description=" ".join(text for text in (node["description"], node["source_description"]) if text),
        )
        for node in manifest["sources"].values()
        if node["source_name"].startswith("_")
    ]  # fmt: skip


def dbt_events(
    context: dg.AssetExecutionContext, home: Home, manifest: dict[str, Any], translator: Translator
) -> Iterator[Any]:
    """Run `dbt build` and turn its log into Dagster's events. Raises dg.Failure that names each failed model
    and test and says how to see the rows."""
    failed: list[str] = []
    total = sum(1 for n in manifest["nodes"].values() if n["resource_type"] in ("model", "seed", "test"))
    pace = progress.Pace(total)
    try:
        for raw in dbt.run(home, ["build", "--exclude", "resource_type:unit_test"]):
            info = raw.get("data", {}).get("node_info") or {}
            status = info.get("node_status")
            if raw["info"].get("name") in ("LogModelResult", "LogSeedResult", "LogTestResult") and status in ("success", "pass", "warn"):
                words = pace.step()
                progress.report("building and testing tables", pace.done, total, info.get("node_name", ""))
                if pace.done % 50 == 0 or pace.done == total:
                    context.log.info(f"building and testing tables: {words}")
            if raw["info"].get("name") in ("LogTestResult", "LogModelResult", "LogSeedResult", "RunResultError"):
                if status in ("fail", "error"):
                    failed.append(info.get("unique_id", ""))
            for event in DbtCoreCliEventMessage(raw_event=raw, event_history_metadata={}).to_default_asset_events(
                manifest=manifest, dagster_dbt_translator=translator, context=context,
                target_path=dbt.target_dir(home),
            ):  # fmt: skip
                # a build is always whole; a run of some assets from the UI reports those alone
                if isinstance(event, dg.Output) and event.output_name not in context.op_execution_context.selected_output_names:
                    continue
                if isinstance(event, dg.AssetCheckResult) and not _asked(context, event):
                    continue
                yield event
    except dbt.DbtFailed as error:
        raise dg.Failure(
            description=explain(home, manifest, failed, str(error)),
            metadata={"failed": dg.MetadataValue.json(failed)},
            allow_retries=False,
        ) from None


def _asked(context: dg.AssetExecutionContext, event: dg.AssetCheckResult) -> bool:
    return dg.AssetCheckKey(event.asset_key, event.check_name) in context.selected_asset_check_keys  # type: ignore[arg-type]


def explain(home: Home, manifest: dict[str, Any], failed: list[str], text: str) -> str:
    """What failed, in words a person can act on."""
    lines = ["the build did not pass its tests; nothing was published"]
    for unique_id in dict.fromkeys(failed):
        node = manifest["nodes"].get(unique_id, {})
        name = node.get("name", unique_id)
        if node.get("resource_type") == "test":
            models = [u.split(".")[-1] for u in node.get("depends_on", {}).get("nodes", [])]
            sql = dbt.target_dir(home) / "compiled" / "evatlas" / node.get("original_file_path", "") / node.get("path", "")
            lines.append(f"  test {name} failed on {', '.join(models)}")
            lines.append(f"    see the rows: duckdb -readonly {dbt.build_file(home)} < {sql}")
        else:
            lines.append(f"  {node.get('resource_type', 'node')} {name} failed ({node.get('original_file_path', '')})")
    lines.append(text[:4000])
    return "\n".join(lines)
