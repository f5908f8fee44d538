"""The dbt child process as the build sees it: a stuck one is ended and named. No dbt runs here."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ingest.home import Home
from orchestration.build import dbt
from tests.conftest import REPO

LINES = [
    {"info": {"name": "LogStartLine", "level": "info"}, "data": {"node_info": {"unique_id": "model.evatlas.a", "node_name": "a"}}},
    {"info": {"name": "LogModelResult", "level": "info"}, "data": {"node_info": {"unique_id": "model.evatlas.a", "node_name": "a"}}},
    {"info": {"name": "LogStartLine", "level": "info"}, "data": {"node_info": {"unique_id": "model.evatlas.stuck", "node_name": "stuck"}}},
]


def stand_in(folder: Path, seconds: float) -> Path:
    """A program in dbt's place: says LINES, then nothing for `seconds`."""
    program = folder / "python"
    program.write_text(
        f"#!{sys.executable}\nimport time\nfor line in {[json.dumps(line) for line in LINES]!r}:\n    print(line, flush=True)\ntime.sleep({seconds})\n"
    )
    program.chmod(0o755)
    return program


def test_a_silent_child_is_ended_and_its_model_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dbt, "SILENCE_S", 0.5)
    monkeypatch.setattr(sys, "executable", str(stand_in(tmp_path, 60)))
    begun = time.monotonic()
    with pytest.raises(dbt.DbtFailed, match=r"said nothing for 0 s and was ended; running then: stuck"):
        list(dbt.run(Home(tmp_path / "home"), ["build"]))
    assert time.monotonic() - begun < 20


def test_a_child_that_ends_in_time_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dbt, "SILENCE_S", 30)
    monkeypatch.setattr(sys, "executable", str(stand_in(tmp_path, 0)))
    assert [e["info"]["name"] for e in dbt.run(Home(tmp_path / "home"), ["build"])] == [line["info"]["name"] for line in LINES]


def test_a_child_ends_with_its_parent_and_at_once_when_that_is_gone_already(tmp_path: Path) -> None:
    sleeper = "import os, time; from orchestration.build.dbt_child import end_with; end_with(os.getppid()); print(os.getpid(), flush=True); time.sleep(60)"
    parent = subprocess.Popen(
        [sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {sleeper!r}])"],
        stdout=subprocess.PIPE, text=True, cwd=REPO,
    )  # fmt: skip
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    until = time.monotonic() + 10
    while Path(f"/proc/{child}").exists() and "\nState:\tZ" not in Path(f"/proc/{child}/status").read_text():
        assert time.monotonic() < until, "the child outlived its parent"
        time.sleep(0.05)
    late = subprocess.run([sys.executable, "-m", "orchestration.build.dbt_child", "1", "--version"], cwd=REPO, capture_output=True, timeout=60)
    assert late.returncode == -9 and late.stdout == b""
