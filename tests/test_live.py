"""Live sources as the schedules and `make refresh` drive them: what is due is asked for, and what cannot be reached is said."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import time
from pathlib import Path

import dagster as dg
import pytest

from orchestration import automation
from orchestration.resources import HomeResource
from sources import all_sources
from sources.miit import SOURCE as MIIT
from tests.conftest import make
from tests.replicas.base import Reply, serve
from tests.replicas.miit import HOST, Miit

NOW = dt.datetime(2026, 6, 15, 3, tzinfo=dt.UTC)


def tick(instance: dg.DagsterInstance) -> list:
    """What the MIIT schedule asks for at one tick: RunRequests or a SkipReason."""
    schedule = next(s for s in automation.schedules([MIIT]) if s.name == "miit_schedule")
    return list(schedule(dg.build_schedule_context(instance=instance, scheduled_execution_time=NOW, resources={"home": HomeResource()})))


def test_a_schedule_asks_its_publisher_what_is_due(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list of batches needs the network: the tick gets a fetcher, registers the partition and asks for it once."""
    wall = Reply("<html><body>请完成滑块验证</body></html>".encode(), headers={"Content-Type": "text/html"})
    with serve(Miit(batches={411: 120, 412: 120})) as replica, dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        monkeypatch.setenv("EVATLAS_HOME", str(tmp_path))
        monkeypatch.setenv("EVATLAS_TEST_ORIGINS", f"{HOST}={replica.origin}")
        requests = tick(instance)
        assert [(r.partition_key, r.run_key) for r in requests] == [("412", "miit:412:20260615")]
        assert instance.get_dynamic_partitions("miit_batch") == ["412"]
        assert tick(instance)[0].run_key == requests[0].run_key, "a second tick of the day is the same run"
        replica.faults = [wall]
        assert "miit: challenged" in tick(instance)[0].skip_message


def test_every_cadence_has_a_schedule_that_ships_stopped() -> None:
    live = [s for s in all_sources() if s.live]
    assert {"gleif", "miit", "szse"} <= {s.name for s in live}
    made = {s.name: s for s in automation.schedules(live)}
    for source in live:
        schedule = made[f"{source.name}_schedule"]
        assert schedule.cron_schedule == source.cadence != "" and schedule.default_status.value == "STOPPED"


def test_without_a_network_the_account_names_what_was_not_reached(home: Path, tmp_path: Path) -> None:
    """Nothing answers: it is said by name, soon, and the version that stands stays. The origin is a closed port, so
    that this test reaches nobody wherever it runs."""
    own = tmp_path / "home"
    shutil.copytree(home, own, symlinks=True)
    before = os.readlink(own / "published/current")
    start = time.monotonic()
    run = make("orchestration.commands.refresh", own, EVATLAS_SOURCES="gleif,miit", EVATLAS_TEST_ORIGINS=f"{HOST}=127.0.0.1:9")
    assert run.code == 0, run.out
    assert "not reached: miit: unreachable: network" in run.out and "not reached: gleif: unreachable" in run.out
    assert "nothing new" in run.out and os.readlink(own / "published/current") == before
    assert time.monotonic() - start < 300, "soon: not after the hours that patience with a site may take"
