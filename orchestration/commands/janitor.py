"""What a killed run left behind, and one refresh of a home at a time.

Belongs here: runs whose process is gone, locks, waiting. Does not belong here: the refresh itself (refresh.py).
"""

from __future__ import annotations

import datetime as dt
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ingest.home import Home
from orchestration.commands.progress import Teller


def janitor(home: Home, say: Callable[[str], None] = print) -> None:
    """End the runs whose process is gone, and free the places in pools that they and other ended runs still hold.

    Dagster cannot know that a run was killed with its process, and a place in the writer's pool that nobody gives back
    would make every later build wait for ever. Only runs that this machine's processes carry out are judged: with
    another launcher (deploy/) a process is not here to be seen."""
    if not _may_hold_something(home, say):
        return
    from dagster import DagsterInstance, DagsterRunStatus, DefaultRunLauncher, RunsFilter

    with DagsterInstance.get() as instance:
        if not isinstance(instance.run_launcher, DefaultRunLauncher):
            return
        begun = [
            DagsterRunStatus.NOT_STARTED,
            DagsterRunStatus.STARTING,
            DagsterRunStatus.STARTED,
            DagsterRunStatus.CANCELING,
        ]
        for run in instance.get_runs(filters=RunsFilter(statuses=begun)):
            if process_is_gone(instance, run):
                instance.report_run_failed(run, "its process is gone")
        for run_id in instance.event_log_storage.get_concurrency_run_ids():
            held = instance.get_run_by_id(run_id)
            if held is None or held.is_finished:
                instance.event_log_storage.free_concurrency_slots_for_run(run_id)


def _may_hold_something(home: Home, say: Callable[[str], None]) -> bool:
    """A look of milliseconds into Dagster's history, since most times there is nothing to do. A damaged one is set
    aside."""
    import sqlite3

    history = home.dagster / "history"
    looks = {
        history / "runs.db": "select count(*) from runs where status in ('NOT_STARTED', 'STARTING', 'STARTED', 'CANCELING')",
        history / "runs" / "index.db": "select count(*) from concurrency_slots where run_id is not null",
    }
    found = 0
    for path, sql in looks.items():
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
                    return False
    return found > 0


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
        return bool(str(started(int(pid))) != ticks)
    for entry in reversed(instance.all_logs(run.run_id, of_type=DagsterEventType.ENGINE_EVENT)):
        said = entry.dagster_event.event_specific_data.metadata.get("pid") if entry.dagster_event.event_specific_data else None
        if said is not None:
            ticks = started(int(said.value))
            if ticks is None:
                return True
            boot = time.time() - float(Path("/proc/uptime").read_text().split()[0])
            return bool(boot + ticks / os.sysconf("SC_CLK_TCK") > entry.timestamp + 1)  # another process has the id now
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
