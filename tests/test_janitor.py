"""Runs that died with their process, as the next refresh meets them: no place in a pool stays taken.

Belongs here: the janitor of orchestration/commands/refresh.py on a Dagster instance of its own. Does not belong here: whole refreshes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.events import EngineEventData  # what a worker of Dagster writes; there is no public way to write it

from ingest.home import Home
from orchestration.commands import janitor, refresh

POOL = "warehouse_writer"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    for name in ("EVATLAS_HOME", "DAGSTER_HOME"):
        monkeypatch.setenv(name, "")  # given back at the end: `prepare` sets both
    made = Home(tmp_path / "a home 目录")
    refresh.prepare(made)
    return made


def gone() -> str:
    """The tag of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    tag = f"{process.pid}:{janitor.started(process.pid)}"
    process.communicate()
    return tag


@dg.op
def nothing() -> None: ...


@dg.job
def idle() -> None:
    nothing()


def begun(instance: dg.DagsterInstance, tags: dict[str, str], said: int | None = None) -> str:
    """A run that holds the pool, as a killed worker leaves it; `said`: the process id that its worker logged."""
    run = instance.create_run_for_job(idle, status=dg.DagsterRunStatus.STARTED, tags=tags)
    if said is not None:
        instance.report_engine_event("Executing steps", run, EngineEventData.in_process(said))
    instance.event_log_storage.initialize_concurrency_limit_to_default(POOL)
    instance.event_log_storage.claim_concurrency_slot(POOL, run.run_id, "warehouse")
    return run.run_id


@pytest.mark.parametrize("case", ["tag of the dead", "id of the dead", "id that another has now", "ended by hand"])
def test_a_dead_run_gives_its_place_back(home: Home, case: str) -> None:
    dead = gone()
    with dg.DagsterInstance.get() as instance:
        if case == "tag of the dead":
            run_id = begun(instance, {janitor.PID_TAG: dead})
        elif case == "id that another has now":  # this very process, with another start
            run_id = begun(instance, {janitor.PID_TAG: f"{os.getpid()}:1"})
        else:
            run_id = begun(instance, {}, int(dead.partition(":")[0]) if case == "id of the dead" else None)
        if case == "ended by hand":
            instance.report_run_failed(instance.get_run_by_id(run_id))
        janitor.janitor(home)
        assert instance.get_run_by_id(run_id).status == dg.DagsterRunStatus.FAILURE
        assert instance.event_log_storage.get_concurrency_info(POOL).active_run_ids == set()


def test_a_living_run_keeps_its_place(home: Home) -> None:
    with dg.DagsterInstance.get() as instance:
        mine, worker, unknown = (begun(instance, tags, said) for tags, said in ((janitor.this_process(), None), ({}, os.getpid()), ({}, None)))
        janitor.janitor(home)
        assert {instance.get_run_by_id(r).status for r in (mine, worker, unknown)} == {dg.DagsterRunStatus.STARTED}
        assert instance.event_log_storage.get_concurrency_info(POOL).active_run_ids == {mine}


def test_a_second_refresh_waits_and_says_for_whom(home: Home, capfd: pytest.CaptureFixture[str]) -> None:
    code = "import sys; from pathlib import Path; from orchestration.commands.refresh import *\nwith alone(Home(Path(sys.argv[1])), print): print('in', flush=True); input()"
    command = [sys.executable, "-c", code, str(home.root)]
    first = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert first.stdout and first.stdout.readline() == "in\n"
    second = subprocess.Popen([*command[:1], "-u", *command[1:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert second.stdout and f"(process {first.pid}): waiting" in second.stdout.readline()
    first.kill()  # the kernel frees the lock
    assert second.stdout.readline() == "in\n"
    second.communicate("\n")
    first.communicate()
