"""Ingest assets, made from the sources' declarations: one asset a table, one function a source.

Belongs here: turning a declaration into Dagster assets, checks and metadata. Does not belong here: how a
source is read (sources/), nor any database. See Dagster's concept page "Assets".
"""
# No `from __future__ import annotations` here: Dagster reads the context's annotation at definition.


import time
from collections.abc import Iterator
from typing import Any

import dagster as dg
import polars as pl

from ingest.home import Home
from ingest.store.landing import ALL, DECLARED, Account, Landing
from orchestration.commands import progress
from orchestration.partitions import by_site, dagster_key, landing_name, partitions_of
from orchestration.resources import HomeResource
from sources import Source

OWNERS = ["team:data-engineering"]


def source_columns(manifest: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """(source, table) -> the dbt source node: descriptions live in dbt's YAML and nowhere else."""
    return {(n["source_name"], n["name"]): n for n in manifest["sources"].values()}


def table_spec(source: Source, table: Any, node: dict[str, Any] | None) -> dg.AssetSpec:
    """The asset of a landed table. One that is part of the declaration has no partitions and needs no network."""
    described = (node or {}).get("columns", {})
    schema = dg.TableSchema(
        columns=[
            dg.TableColumn(name, type=str(kind), description=described.get(name, {}).get("description") or None)
            for name, kind in pl.Schema(table.schema).items()
        ]
    )
    return dg.AssetSpec(
        key=[source.name, table.name],
        description=(node or {}).get("description") or table.description or source.title,
        group_name=f"source_{source.name}",
        owners=OWNERS,
        kinds={"python", "polars", "parquet"},
        tags={"layer": "landing", "cadence": "live" if source.live and table.declared is None else "on-change"},
        metadata={
            "dagster/column_schema": schema,
            "publisher": source.publisher,
            "licence": source.licence,
            "homepage": source.homepage or "none",
            "coverage": source.coverage or "not stated",
        },
        partitions_def=partitions_of(source) if table.declared is None else None,
        # of several partitions in one run, those that gave nothing are not reported as made (see `report`)
        skippable=table.declared is None and partitions_of(source) is not None,
    )


def declared_assets(source: Source, nodes: dict[tuple[str, str], dict[str, Any]]) -> list[dg.AssetsDefinition]:
    """The tables that are part of a source's declaration, as assets of their own: they land without a fetch."""
    tables = [table for table in source.tables if table.declared is not None]
    if not tables:
        return []

    @dg.multi_asset(
        name=f"declare_{source.name}",
        specs=[table_spec(source, table, nodes.get((source.name, table.name))) for table in tables],
        can_subset=False,
    )
    def declare(home: HomeResource) -> Iterator[dg.MaterializeResult]:
        landing = Landing(home.get())
        landing.ensure_schema(source)
        for table in tables:
            path = landing.table_path(source, table.name, DECLARED)
            yield dg.MaterializeResult(
                asset_key=[source.name, table.name],
                metadata={"dagster/row_count": pl.scan_parquet(path).select(pl.len()).collect().item()},
            )

    return [declare]


def ingest_assets(source: Source, nodes: dict[tuple[str, str], dict[str, Any]]) -> dg.AssetsDefinition:
    """One multi-asset for a source: lands the run's partitions (all that the source lists, where Dagster
    does not partition it) and reports the books."""
    tables = [table for table in source.tables if table.declared is None]
    specs = [table_spec(source, table, nodes.get((source.name, table.name))) for table in tables]
    partitioned = partitions_of(source) is not None
    checks = [
        dg.AssetCheckSpec("books_balance", asset=specs[0].key, blocking=True,
                          description="records in = accepted + quarantined = the rows of the written files, in every partition"),
        dg.AssetCheckSpec("source_health", asset=specs[0].key,
                          description="the source answered as declared; a warning leaves the last good landing"),
    ]  # fmt: skip

    @dg.multi_asset(
        name=f"land_{source.name}",
        specs=specs,
        check_specs=checks,
        can_subset=False,
        backfill_policy=dg.BackfillPolicy.single_run() if partitioned else None,
        pool=f"host_{source.name}" if source.live else None,
    )
    def land(context: dg.AssetExecutionContext, home: HomeResource) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
        landing = Landing(home.get(), web=fetcher(source), say=context.log.info, memo=memo(source, home.get()))
        if partitioned:
            # dates and batches in their order: what comes later may rest on what came before
            wanted = [landing_name(source, key) for key in sorted(context.partition_keys)]
            wanted = by_site(wanted) if source.partitions == "month_site" else wanted
        else:
            wanted = landing.partitions(source)
        accounts = []
        pace = progress.Pace(len(wanted))
        for partition in wanted:
            account = landing.land(source, partition)
            accounts.append(account)
            context.log.info(f"{source.name} {partition}: {describe(account)}; {pace.step()}")
            progress.report(f"landing {source.name}", pace.done, pace.total, partition)
        if not accounts:
            landing.ensure_schema(source)
        books = landing.accounts(source) if not partitioned else accounts
        for table in tables:
            if partitioned:
                report(context, landing, source, table.name, books)
                continue
            yield dg.MaterializeResult(
                asset_key=[source.name, table.name],
                metadata=table_metadata(landing, source, table.name, books),
                data_version=dg.DataVersion(",".join(sorted(a.digests.get(table.name, "")[:12] for a in books))[:1000]),
            )
        unbalanced = {a.partition: why for a in books if (why := landing.unbalanced(source, a))}
        yield dg.AssetCheckResult(
            check_name="books_balance",
            asset_key=specs[0].key,
            passed=not unbalanced,
            metadata={"unbalanced": dg.MetadataValue.json(unbalanced), "records_in": sum(a.records_in for a in books)},
        )
        ill = {a.partition: f"{a.outcome}: {a.message}" for a in books if a.outcome not in ("landed", "unchanged", "withdrawn", "double", "moved")}
        yield dg.AssetCheckResult(
            check_name="source_health",
            asset_key=specs[0].key,
            passed=not ill,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"held_back": dg.MetadataValue.json(ill)},
        )
        lost = {a.partition: ill.get(a.partition, a.outcome) for a in accounts if partitioned and not a.tables}
        if lost:
            raise dg.Failure(
                description=f"{source.name}: nothing stands for {len(lost)} of {len(accounts)} partitions: "
                + "; ".join(f"{key} ({why})" for key, why in lost.items())[:4000],
                allow_retries=False,
            )

    return land


#: What a run has learnt of a source (list pages above all), kept over the jobs of one process: a run worker lives for
#: one run, `make refresh` for one refresh. Older than this, it is asked anew.
MEMO_S = 1800.0
_MEMOS: dict[tuple[str, str], tuple[float, dict[Any, Any]]] = {}


def memo(source: Source, home: Home) -> dict[Any, Any]:
    key, now = (source.name, str(home.root)), time.monotonic()
    if key not in _MEMOS or now - _MEMOS[key][0] > MEMO_S:
        _MEMOS[key] = (now, {})
    return _MEMOS[key][1]


def report(
    context: dg.AssetExecutionContext | dg.OpExecutionContext, landing: Landing, source: Source, table: str, books: list[Account]
) -> None:
    """One materialization a partition of which the table stands. A MaterializeResult would speak for every partition
    of the run, and one that was refused or not reached would look like one that was made."""
    for account in books:
        if table in account.tables:
            context.log_event(
                dg.AssetMaterialization(
                    asset_key=[source.name, table],
                    partition=dagster_key(source, account.partition),
                    metadata=table_metadata(landing, source, table, [account]),
                    tags={"dagster/data_version": account.digests.get(table, "")[:12]},
                )
            )


def fetcher(source: Source) -> Any:
    """The polite fetcher for a live source; sources without a network get none."""
    if not source.live:
        return None
    from ingest.web.fetcher import Fetcher

    return Fetcher.for_source(source)


def describe(account: Account) -> str:
    text = f"{account.outcome}, {account.records_in} records in, {account.accepted} accepted"
    if account.quarantined:
        reasons = ", ".join(f"{reason} {count}" for reason, count in account.reasons.items())
        text += f", {account.quarantined} quarantined ({reasons})"
    if account.message:
        text += f": {account.message}"
    return text


def table_metadata(landing: Landing, source: Source, table: str, books: list[Account]) -> dict[str, Any]:
    files = [landing.table_path(source, table, a.partition) for a in books]
    files = [path for path in files if path.exists()]
    preview = ""
    if files:
        frame = pl.scan_parquet(files[-1]).head(5).collect()
        frame = frame.select(frame.columns[:8])
        rows = [[("" if v is None else str(v).replace("|", "/"))[:40] for v in row] for row in frame.iter_rows()]
        preview = "\n".join(
            ["| " + " | ".join(frame.columns) + " |", "|" + " --- |" * len(frame.columns)]
            + ["| " + " | ".join(row) + " |" for row in rows]
        )
    return {
        "dagster/row_count": sum(a.tables.get(table, 0) for a in books),
        "records_in": sum(a.records_in for a in books),
        "accepted": sum(a.accepted for a in books),
        "quarantined": sum(a.quarantined for a in books),
        "partitions": len(books),
        "preview": dg.MetadataValue.md(preview or "no rows"),
    }


__all__ = ["ALL", "declared_assets", "ingest_assets", "source_columns"]
