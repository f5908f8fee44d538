"""`make refresh`: the main job, end to end, from a terminal, with an account at the end.

Belongs here: starting the job that Dagster's schedules start too, and telling a person what happened.
Does not belong here: any step of the work itself. `dagster job execute` would do the same for 2.5 CPU s more.
"""

from __future__ import annotations

import argparse
import datetime as dt
import fcntl
import json
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ingest.declaration import Source
from ingest.home import CHECKOUT, Home, write_atomic
from ingest.store.landing import Account, Landing
from ingest.store.raw import RawStore
from orchestration.commands import progress
from orchestration.commands.progress import Teller
from sources import selected_sources
from sources.inbox.kinds import KINDS as INBOX_KINDS
from sources.inbox.shelf import gone_files

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


def janitor(home: Home, say: Callable[[str], None] = print) -> None:
    """End the runs whose process is gone, and free the places in pools that they and other ended runs still hold.

    Dagster cannot know that a run was killed with its process, and a place in the writer's pool that nobody gives back
    would make every later build wait for ever. Only runs that this machine's processes carry out are judged: with
    another launcher (deploy/) a process is not here to be seen."""
    import sqlite3

    history = home.dagster / "history"
    looks = {
        history / "runs.db": "select count(*) from runs where status in ('NOT_STARTED', 'STARTING', 'STARTED', 'CANCELING')",
        history / "runs" / "index.db": "select count(*) from concurrency_slots where run_id is not null",
    }
    found = 0
    for path, sql in looks.items():  # a look of milliseconds: most times there is nothing to do
        if path.exists():
            with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as con:
                try:
                    found += con.execute(sql).fetchone()[0]
                except sqlite3.OperationalError:  # no such table yet, or locked
                    pass
                except sqlite3.DatabaseError as error:
                    aside = history.with_name(f"history.damaged-{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S}")
                    history.rename(aside)
                    say(f"Dagster's history is damaged ({path.name}: {error}): set aside as {aside}; it begins anew, no data are touched")
                    return
    if not found:
        return
    from dagster import DagsterInstance, DagsterRunStatus, DefaultRunLauncher, RunsFilter

    with DagsterInstance.get() as instance:
        if not isinstance(instance.run_launcher, DefaultRunLauncher):
            return
        begun = [DagsterRunStatus.NOT_STARTED, DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]
        for run in instance.get_runs(filters=RunsFilter(statuses=begun)):
            if process_is_gone(instance, run):
                instance.report_run_failed(run, "its process is gone")
        for run_id in instance.event_log_storage.get_concurrency_run_ids():
            held = instance.get_run_by_id(run_id)
            if held is None or held.is_finished:
                instance.event_log_storage.free_concurrency_slots_for_run(run_id)


#: The tag of a run that `make refresh` carries out: "<process id>:<its start in clock ticks since boot>".
PID_TAG = "evatlas/pid"


def this_process() -> dict[str, str]:
    return {PID_TAG: f"{os.getpid()}:{started(os.getpid())}"}


def started(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; None when there is none (or no /proc). An id alone is used again."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None


def process_is_gone(instance: Any, run: Any) -> bool:
    """Whether the process that carries out a run has ended: by the tag of `make refresh`, else by what the run's worker
    said of itself when it began. False where nothing is known."""
    from dagster import DagsterEventType

    if not Path("/proc/self/stat").exists():
        return False
    tag = run.tags.get(PID_TAG)
    if tag:
        pid, _, ticks = tag.partition(":")
        return str(started(int(pid))) != ticks
    for entry in reversed(instance.all_logs(run.run_id, of_type=DagsterEventType.ENGINE_EVENT)):
        said = entry.dagster_event.event_specific_data.metadata.get("pid") if entry.dagster_event.event_specific_data else None
        if said is not None:
            ticks = started(int(said.value))
            if ticks is None:
                return True
            boot = time.time() - float(Path("/proc/uptime").read_text().split()[0])
            return boot + ticks / os.sysconf("SC_CLK_TCK") > entry.timestamp + 1  # another process has the id now
    return False


@contextmanager
def alone(home: Home, say: Teller) -> Iterator[None]:
    """One `make refresh` of a home at a time; another waits and says for whom. The kernel frees the lock with the process."""
    with open(home.root / ".refresh.lock", "a+") as handle:
        waiting = False
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not waiting:
                    handle.seek(0)
                    say(f"another refresh of this home is at work (process {handle.read().strip() or 'unknown'}): waiting for it")
                    waiting = True
                time.sleep(0.5)
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield


def wait_for_builds(home: Home, instance: Any, say: Teller) -> None:
    """Wait while a run that was started from the UI builds: Dagster's own wait for a pool keeps a core busy and says nothing."""
    from orchestration.assets.warehouse import WRITER_POOL

    told = False
    while WRITER_POOL in instance.event_log_storage.get_concurrency_keys():
        holders = instance.event_log_storage.get_concurrency_info(WRITER_POOL).active_run_ids
        if not holders:
            return
        if not told:
            say(f"a build is at work (run {', '.join(sorted(holders))}): waiting for it")
            told = True
        time.sleep(2)
        janitor(home)


def unreached(books: list[Account]) -> list[str]:
    """One line for each source and kind of failure: a network that is gone is said once, and not for each of a hundred months."""
    alike: dict[tuple[str, str], list[Account]] = {}
    for a in books:
        if a.outcome == "failed":
            alike.setdefault((a.source, a.health), []).append(a)
    lines = []
    for (source, health), failed in alike.items():
        names = [a.file or a.partition for a in failed]
        which = ", ".join(names) if len(names) <= 3 else f"{len(names)} partitions ({names[0]} to {names[-1]})"
        whys = list(dict.fromkeys(a.message for a in failed))
        more = f"; and {len(whys) - 1} more like it, in meta.source and the UI" if len(whys) > 1 else ""
        stands = sum(1 for a in failed if a.tables)
        kept = f"; what landed before stands for {stands} of {len(failed)}" if stands else "; nothing has landed of it yet"
        lines.append(f"failed: {source} {which}: {health}: {whys[0]}{more}{kept}")
    return lines


def no_longer_there(home: Home) -> list[str]:
    """One line for each supplied file that stands and is no longer in the inbox; above ten, one line for the rest."""
    gone = gone_files(home.inbox, RawStore(home.raw))
    lines = [
        f"inbox: {file} is no longer in the inbox; what it said stands; `make withdraw FILE={file} WHY=...` takes it out" for file in gone[:10]
    ]
    if len(gone) > 10:
        lines.append(f"inbox: so are {len(gone) - 10} more files: {', '.join(gone[10:13])} …")
    return lines


def told_of_supplied(home: Home) -> str:
    """What became of the records that users supplied, in the version that is published; "" where there are none."""
    path = home.current / "tables" / "meta_supplied.parquet"
    if not path.exists():
        return ""
    import polars as pl

    rows = pl.read_parquet(path, columns=["file", "record_no", "outcome"])
    counts = dict(rows.group_by("outcome").len().sort("outcome").iter_rows())
    if not counts:
        return ""
    told = ", ".join(f"{counts[word]} {word}" for word in ("added", "corrected", "confirmed", "lost", "quarantined", "withdrawn") if word in counts)
    return f"supplied: {rows['file'].n_unique()} files: {told} (meta.supplied says against what and why)"


def account(
    home: Home, sources: list[Source], failure: str | None, say: Teller, missed: dict[str, str] | None = None
) -> None:
    """What was published, where, from which sources, and what was held back."""
    from orchestration.build import planning, release

    plan = planning.load_plan(home)
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
    for line in unreached(books):
        print(f"  {line}")
    for a in books:
        if a.outcome in ("rejected", "blocked"):
            print(f"  held back: {a.source} {a.file or a.partition}: {a.outcome}: {a.message}")
        elif a.quarantined:
            reasons = ", ".join(f"{reason} {count}" for reason, count in a.reasons.items())
            print(f"  quarantined: {a.source} {a.file or a.partition}: {a.quarantined} of {a.records_in} ({reasons})")
        elif a.outcome in ("withdrawn", "double"):
            print(f"  {a.outcome}: {a.source}: {a.message}")
        for code, _ in a.notes:
            if a.source == "inbox" and code == "last_line_without_end":
                print(f"  look at: {a.source} {a.file}: its last line has no end: is it whole?")
    for line in no_longer_there(home):
        print(f"  {line}")
    if supplied := told_of_supplied(home):
        print(f"  {supplied}")
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
        for name, reason in current.get("figures_left_out", {}).items():
            print(f"  left out: figures/{name}: {reason}")
    else:
        print(f"nothing new: {current['version']} (as of {current['as_of']}) stands; nothing was built or published")
    say("done")


if __name__ == "__main__":
    sys.exit(main())
