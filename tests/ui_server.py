"""Dagster's UI as `make ui` starts it, on a loopback port with a home of its own, spoken to as the browser does.

Belongs here: starting and stopping the server, the GraphQL calls that the UI's buttons make (add a partition, start a
backfill), and waiting for runs. Does not belong here: assertions, and which source is backfilled.

    with ui_server(home, EVATLAS_TEST_ORIGINS="www.example.cn=127.0.0.1:8001") as ui:
        ui.add_partitions("miit_batch", ["401", "402"])          # dynamic partitions only
        backfill = ui.backfill([["miit", "products"]], ["401", "402"])
        runs = ui.finished(backfill)                              # {run id: status}, when all partitions are through
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import REPO

ADD = """mutation($repositorySelector: RepositorySelector!, $name: String!, $key: String!) {
  addDynamicPartition(repositorySelector: $repositorySelector, partitionsDefName: $name, partitionKey: $key) {
    __typename ... on DuplicateDynamicPartitionError { partitionName } ... on PythonError { message }
    ... on UnauthorizedError { message } } }"""
LAUNCH = """mutation($backfillParams: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $backfillParams) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message }
    ... on PartitionKeysNotFoundError { message } ... on UnauthorizedError { message } } }"""
STATE = """query($id: String!) {
  partitionBackfillOrError(backfillId: $id) {
    __typename ... on PythonError { message }
    ... on PartitionBackfill { status numPartitions runs { runId status } error { message } } } }"""
HEALTH = "{ instance { daemonHealth { allDaemonStatuses { daemonType healthy required } } } }"
DONE = ("SUCCESS", "FAILURE", "CANCELED")


@dataclass
class Ui:
    """A running UI. `url`: its address; `log`: the file that its processes write to."""

    url: str
    log: Path
    process: subprocess.Popen[bytes]

    def graphql(self, query: str, **variables: Any) -> dict[str, Any]:
        """The `data` of one GraphQL call. Raises AssertionError for a call that the server does not take."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as reply:
            found = json.load(reply)
        assert "errors" not in found, found
        data: dict[str, Any] = found["data"]
        return data

    def add_partitions(self, name: str, keys: list[str]) -> None:
        """The UI's "Add partition" for dynamic partitions `name` (`<source>_<kind>`), key by key."""
        where = {"repositoryLocationName": "evatlas", "repositoryName": "__repository__"}
        for key in keys:
            done = self.graphql(ADD, repositorySelector=where, name=name, key=key)["addDynamicPartition"]
            assert done["__typename"] == "AddDynamicPartitionSuccess", done

    def backfill(self, assets: list[list[str]], keys: list[str]) -> str:
        """The UI's "Materialize" of several partitions of some assets; returns the backfill's id."""
        done = self.graphql(
            LAUNCH, backfillParams={"assetSelection": [{"path": path} for path in assets], "partitionNames": keys}
        )["launchPartitionBackfill"]
        assert done["__typename"] == "LaunchBackfillSuccess", done
        return str(done["backfillId"])

    def runs(self, backfill: str) -> dict[str, str]:
        """Run id -> status of the runs that a backfill has started so far."""
        found = self.graphql(STATE, id=backfill)["partitionBackfillOrError"]
        assert found["__typename"] == "PartitionBackfill" and not found["error"], found
        return {run["runId"]: run["status"] for run in found["runs"]}

    def finished(self, *backfills: str, timeout: float = 300.0) -> dict[str, str]:
        """Wait until every backfill has started runs and all of them have ended; returns run id -> status. The
        daemon looks for new backfills every 30 s. Raises AssertionError with the end of the log after `timeout` s."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            found = [self.runs(backfill) for backfill in backfills]
            if all(runs and all(status in DONE for status in runs.values()) for runs in found):
                return {run: status for runs in found for run, status in runs.items()}
            time.sleep(0.5)
        raise AssertionError(f"not done in {timeout:.0f} s: {found}\n{self.tail()}")

    def tail(self, lines: int = 60) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextlib.contextmanager
def ui_server(home: Path, timeout: float = 240.0, **variables: str) -> Iterator[Ui]:
    """`make ui` in `home` with these variables, ready to answer; all its processes are gone at the end. A home
    that was published before starts some seconds faster, since its dbt manifest is made."""
    port = free_port()
    env = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("EVATLAS_", "DAGSTER_"))},
        "EVATLAS_HOME": str(home),
        "DAGSTER_HOME": str(home / "dagster"),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "PYTHONPATH": str(REPO),
        **variables,
    }
    home.mkdir(parents=True, exist_ok=True)
    log = home / "ui.log"
    with open(log, "wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "orchestration.commands.ui", "--port", str(port)], cwd=REPO, env=env, stdout=out,
            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    ui = Ui(f"http://127.0.0.1:{port}", log, process)
    try:
        end = time.monotonic() + timeout
        while True:
            assert process.poll() is None, f"the UI ended with {process.returncode}\n{ui.tail()}"
            assert time.monotonic() < end, f"no answer in {timeout:.0f} s\n{ui.tail()}"
            with contextlib.suppress(OSError):
                health = ui.graphql(HEALTH)["instance"]["daemonHealth"]["allDaemonStatuses"]
                if all(daemon["healthy"] for daemon in health if daemon["required"]):
                    break
            time.sleep(0.3)
        yield ui
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the server and what it started: an interrupt first, as Ctrl-C does, then its own session."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=20)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=10)
