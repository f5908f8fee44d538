"""`make refresh`: the main job, end to end, from a terminal, with an account at the end.

Belongs here: starting the job that Dagster's schedules start too, and telling a person what happened.
Does not belong here: any step of the work itself. `dagster job execute` would do the same for 2.5 CPU s more.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import shutil
import sys
from collections import Counter
from typing import Any

from ingest.declaration import Source
from ingest.home import CHECKOUT, Home, write_atomic
from ingest.store.landing import Landing
from orchestration.commands import progress
from orchestration.commands.audit import account, first_failure
from orchestration.commands.janitor import alone, janitor, this_process, wait_for_builds
from orchestration.commands.progress import Teller
from sources import selected_sources
from sources.inbox.kinds import KINDS as INBOX_KINDS

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
    with alone(home, say):
        return refresh(home, sources, options.force, say)


def refresh(home: Home, sources: list[Source], force: bool, say: Teller) -> int:
    """One refresh of a prepared home that no other refresh is at work in; returns the exit code of `main`."""
    janitor(home, say)

    from orchestration.build import dbt

    say(f"refresh into {home.root} from {len(sources)} sources")
    dbt.ensure_manifest(home, say)

    import dagster as dg

    from orchestration.definitions import defs

    with dg.DagsterInstance.get() as instance:
        missed = land_live(instance, defs, [s for s in sources if s.live], say)
        tags = this_process() | ({"force": "true"} if force else {})
        wait_for_builds(home, instance, say)
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
    import dagster as dg

    from ingest.declaration import SourceError
    from orchestration.automation import due_partitions
    from orchestration.partitions import landing_name, partitions_of, range_tags

    home = Home.from_env()
    missed: dict[str, str] = {}
    for index, source in enumerate(sources, start=1):
        job = defs.resolve_job_def(f"land_{source.name}_job")
        partitions = partitions_of(source)
        keys: list[str | None] = [None]
        if partitions is not None:
            try:
                keys = list(due_partitions(home, source, partitions, dt.datetime.now(dt.UTC)))
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
            job.execute_in_process(instance=instance, run_config=QUIET, raise_on_error=False, tags=range_tags(asked) | this_process())
            accounts = [Landing(home).account(source, landing_name(source, key)) for key in asked]
            states = Counter(f"{a.outcome}, {a.health}" if a else "not run" for a in accounts)
            told = "; ".join(f"{count} {state}" for state, count in states.items())
            say(f"live {index} of {len(sources)}: {source.name}, {len(asked)} months of sites: {told}")
            continue
        for key in keys:
            result = job.execute_in_process(
                instance=instance, run_config=QUIET, raise_on_error=False, partition_key=key, tags=this_process()
            )
            books = Landing(home).account(source, key or "all")
            state = f"{books.outcome}, {books.health}" if books else ("ran" if result.success else "failed")
            say(f"live {index} of {len(sources)}: {source.name} {key or ''}: {state}")
    return missed


if __name__ == "__main__":
    sys.exit(main())
