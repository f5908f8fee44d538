"""`make refresh`: the main job, end to end, from a terminal, with an account at the end.

Belongs here: starting the job that Dagster's schedules start too, and telling a person what happened.
Does not belong here: any step of the work itself. `dagster job execute` would do the same for 2.5 CPU s more.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from orchestration import progress
from orchestration.progress import Teller
from sources import selected_sources
from sources.base import Source
from sources.home import CHECKOUT, Home, write_atomic
from sources.landing import Account, Landing

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def prepare(home: Home) -> None:
    """The folders of a home, and Dagster's instance settings."""
    for folder in (home.root, home.dagster, home.published, *(home.inbox / k for k in INBOX_KINDS)):
        folder.mkdir(parents=True, exist_ok=True)
    settings = home.dagster / "dagster.yaml"
    shipped = CHECKOUT / "deploy" / "dagster.yaml"
    if not settings.exists() or settings.read_bytes() != shipped.read_bytes():
        shutil.copyfile(shipped, settings)
    os.environ["EVATLAS_HOME"] = str(home.root)
    os.environ["DAGSTER_HOME"] = str(home.dagster)


INBOX_KINDS = ("firms", "plants", "policies", "city_output")


def main(argv: list[str] | None = None) -> int:
    """Returns the exit code: 0 published or nothing new, 1 refused (the last version stands)."""
    parser = argparse.ArgumentParser(prog="make refresh", description=__doc__)
    parser.add_argument("--force", action="store_true", help="build and publish even when nothing is new")
    parser.add_argument("--sources", help="bundled (default), live, or names separated by commas")
    options = parser.parse_args(argv)
    say = Teller()
    progress.watcher = say.watch
    home = Home.from_env()
    try:
        sources = selected_sources(options.sources)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    prepare(home)
    janitor(home)

    from orchestration import dbt

    say(f"refresh into {home.root} from {len(sources)} sources")
    dbt.ensure_manifest(home, say)

    import dagster as dg

    from orchestration.definitions import defs

    with dg.DagsterInstance.get() as instance:
        missed = land_live(instance, defs, [s for s in sources if s.live], say)
        tags = {"force": "true"} if options.force else {}
        say("landing, building, checking, publishing")
        job = defs.resolve_job_def("refresh")
        skipped = not_asked(sources)
        selection = [key for key in job.asset_layer.executable_asset_keys if key.path[0] not in skipped] if skipped else None
        result = job.execute_in_process(
            instance=instance, run_config=QUIET, raise_on_error=False, tags=tags, asset_selection=selection
        )
        failure = None if result.success else first_failure(result)
    account(home, sources, failure, say, missed)
    write_atomic(
        home.root / "status.json",
        json.dumps({"state": "failed" if failure else "ok", "run": result.run_id, "message": failure or ""}),
    )
    return 1 if failure else 0


def not_asked(sources: list[Source]) -> set[str]:
    """Bundled sources that EVATLAS_SOURCES leaves out: what they landed before stands, they are not asked."""
    asked = {s.name for s in sources}
    return {s.name for s in selected_sources("bundled")} - asked


def land_live(instance: Any, defs: Any, sources: list[Source], say: Teller) -> dict[str, str]:
    """Land each live source through its own job, partition by partition. One that cannot be reached is named
    and passed over: the others go on, and its last good landing stands. Returns source -> why, for those that
    could not even say which partitions they have."""
    import datetime as dt

    import dagster as dg

    from orchestration.automation import due_partitions
    from orchestration.partitions import landing_name, partitions_of, range_tags
    from sources.base import SourceError

    home = Home.from_env()
    missed: dict[str, str] = {}
    for index, source in enumerate(sources, start=1):
        job = defs.resolve_job_def(f"land_{source.name}_job")
        partitions = partitions_of(source)
        keys: list[str | None] = [None]
        if partitions is not None:
            try:
                keys = list(due_partitions(source, partitions, dt.datetime.now(dt.UTC)))
            except SourceError as error:
                say(f"live {index} of {len(sources)}: {source.name}: {error.health}: {error}")
                missed[source.name] = f"{error.health}: {error}"
                continue
            if isinstance(partitions, dg.DynamicPartitionsDefinition):
                instance.add_dynamic_partitions(str(partitions.name), [k for k in keys if k])
            if not keys:
                say(f"live {index} of {len(sources)}: {source.name}: nothing new")
        if source.partitions == "month_site":  # one run for all: a site's lists are read once for its months
            asked = [key for key in keys if key]
            job.execute_in_process(instance=instance, run_config=QUIET, raise_on_error=False, tags=range_tags(asked))
            accounts = [Landing(home).account(source, landing_name(source, key)) for key in asked]
            states = Counter(f"{a.outcome}, {a.health}" if a else "not run" for a in accounts)
            told = "; ".join(f"{count} {state}" for state, count in states.items())
            say(f"live {index} of {len(sources)}: {source.name}, {len(asked)} months of sites: {told}")
            continue
        for key in keys:
            result = job.execute_in_process(
                instance=instance, run_config=QUIET, raise_on_error=False, partition_key=key
            )
            books = Landing(home).account(source, key or "all")
            state = f"{books.outcome}, {books.health}" if books else ("ran" if result.success else "failed")
            say(f"live {index} of {len(sources)}: {source.name} {key or ''}: {state}")
    return missed


def first_failure(result: Any) -> str:
    for event in result.all_events:
        if event.is_step_failure:
            data = event.step_failure_data
            if data.user_failure_data is not None:
                return str(data.user_failure_data.description)
            error = data.error
            while error is not None and error.cause is not None:  # Dagster wraps what was raised
                error = error.cause
            return f"{error.message}{''.join(error.stack[-3:])}" if error else str(event.message)
    return "the run failed before any step began"


def janitor(home: Home) -> None:
    """Fail the runs that a killed `make refresh` left as started: they would hold the queue (their process is
    gone, and Dagster cannot know)."""
    import sqlite3

    runs = home.dagster / "history" / "runs.db"
    if not runs.exists():
        return
    from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

    with sqlite3.connect(f"file:{runs}?mode=ro", uri=True) as con:
        try:
            open_runs = con.execute("select count(*) from runs where status in ('STARTED', 'STARTING')").fetchone()[0]
        except sqlite3.DatabaseError:
            return
    if not open_runs:
        return
    with DagsterInstance.get() as instance:
        for run in instance.get_runs(filters=RunsFilter(statuses=[DagsterRunStatus.STARTED])):
            pid = run.tags.get("evatlas/pid")
            if pid and not Path(f"/proc/{pid}").exists():
                instance.report_run_failed(run, "its process is gone")


def account(
    home: Home, sources: list[Source], failure: str | None, say: Teller, missed: dict[str, str] | None = None
) -> None:
    """What was published, where, from which sources, and what was held back."""
    from orchestration import build, release

    plan = build.load_plan(home)
    current = release.current_manifest(home)
    landing = Landing(home)
    books: list[Account] = [a for s in sources for a in landing.accounts(s)]
    print()
    print(f"{'source':<20} {'state':<22} {'in':>8} {'accepted':>9} {'held back':>9}")
    for source in sources:
        mine = [a for a in books if a.source == source.name]
        if not mine:
            state = "not reached" if source.name in (missed or {}) else "nothing yet"
            print(f"{source.name:<20} {state:<22} {0:>8} {0:>9} {0:>9}")
            continue
        states = ", ".join(sorted({a.outcome for a in mine}))
        held = sum(a.quarantined for a in mine)
        print(f"{source.name:<20} {states[:22]:<22} {sum(a.records_in for a in mine):>8} "
              f"{sum(a.accepted for a in mine):>9} {held:>9}")  # fmt: skip
    for name, why in (missed or {}).items():
        print(f"  not reached: {name}: {why}; what it gave before stands")
    for a in books:
        if a.outcome in ("rejected", "blocked", "failed"):
            print(f"  held back: {a.source} {a.file or a.partition}: {a.outcome}: {a.message}")
        elif a.quarantined:
            reasons = ", ".join(f"{reason} {count}" for reason, count in a.reasons.items())
            print(f"  quarantined: {a.source} {a.file or a.partition}: {a.quarantined} of {a.records_in} ({reasons})")
    print()
    if failure:
        print(f"REFUSED: {failure}")
        print(f"the last good version stands: {current['version'] if current else 'none yet'}")
    elif current is None:
        print("nothing was published")
    elif plan is not None and plan.run_id and current["run"] == plan.run_id:
        tables = sum(1 for f in current["files"] if f.startswith("tables/"))
        print(f"published {current['version']} (as of {current['as_of']}): {tables} tables")
        for name in ("atlas.duckdb", "atlas.html", "CHANGES.md"):
            if (home.current / name).exists():
                print(f"  {home.current / name}")
    else:
        print(f"nothing new: {current['version']} (as of {current['as_of']}) stands; nothing was built or published")
    say("done")


if __name__ == "__main__":
    sys.exit(main())
