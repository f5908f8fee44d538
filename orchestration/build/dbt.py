"""Running dbt: one subprocess, one target folder a home, and a manifest that is made before it is read.

Belongs here: how dbt is called and how its events come back. Does not belong here: what the models mean.
`DbtCliResource` is not used: it asks dbt for its version in a process of its own and initialises an adapter
in ours, which together cost as much as the build (docs/decisions.md, 6).
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ingest.home import CHECKOUT, Home, write_atomic

PROJECT = CHECKOUT / "dbt_project"
#: Seconds without a word after which dbt counts as stuck and is ended: the slowest model takes a minute on two cores. A Python
#: model can wait for ever (on a reader of its own connection, say), and the writer's lock with it.
SILENCE_S = float(os.environ.get("EVATLAS_DBT_SILENCE_S", "1800"))


class DbtFailed(Exception):
    """dbt ended with an error; the message names the models and tests, and how to see the rows."""


def target_dir(home: Home) -> Path:
    return home.root / "dbt"


def manifest_path(home: Home) -> Path:
    return target_dir(home) / "manifest.json"


def build_file(home: Home) -> Path:
    """Where a build writes. The path never changes, since dbt parses anew when a path in its profile does;
    the file is new for every build."""
    return home.root / "build" / "warehouse.duckdb"


def project_digest() -> str:
    """Digest of everything dbt reads in the checkout."""
    digest = hashlib.sha256()
    for path in sorted(PROJECT.rglob("*")):
        parts = path.relative_to(PROJECT).parts
        if path.is_file() and parts[0] not in ("target", "logs") and "__pycache__" not in parts:
            if path.name == ".user.yml":
                continue
            digest.update("/".join(parts).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def environment(home: Home) -> dict[str, str]:
    """What dbt and the Python models under it are told: where to read and write, and what makes them compute the same every time."""
    env = dict(os.environ)
    # What Python models compute must not hang on the order of sets or on how many cores add up a matrix: pyfixest's last bits do
    # on the first (measured), and nothing promises that a BLAS's do not on the second. The models are small: one thread is fast.
    env.update(PYTHONHASHSEED="0", **{f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "NUMBA")})
    env.update(
        PYTHONUNBUFFERED="1",  # else events come in blocks, and progress with them
        EVATLAS_HOME=str(home.root),
        EVATLAS_WAREHOUSE=str(build_file(home)),
        EVATLAS_DBT_TARGET=str(target_dir(home)),
        DBT_SEND_ANONYMOUS_USAGE_STATS="false",
        DO_NOT_TRACK="1",
        DBT_LOG_PATH=str(home.root / "logs"),
        PYTHONPATH=os.pathsep.join([str(CHECKOUT), *filter(None, [env.get("PYTHONPATH")])]),
    )
    return env


def run(home: Home, args: list[str]) -> Iterator[dict[str, Any]]:
    """Run dbt with `args` and yield its structured log events as they come. Raises DbtFailed at the end when
    dbt failed; the events tell the caller what did."""
    build_file(home).parent.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable, "-W", "ignore::RuntimeWarning:runpy", "-m", "orchestration.build.dbt_child", str(os.getpid()), "--log-format", "json", "--log-format-file", "text",
        "--log-level-file", "warn", "--no-use-colors", *args,
        "--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT),
    ]  # fmt: skip
    process = subprocess.Popen(
        command, cwd=PROJECT, env=environment(home), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL, text=True, encoding="utf-8",
    )  # fmt: skip
    problems: list[str] = []
    begun: dict[str, str] = {}  # nodes that dbt has begun and not ended
    heard = [time.monotonic()]
    threading.Thread(target=_end_when_silent, args=(process, heard, begun, problems), daemon=True).start()
    assert process.stdout is not None
    try:
        for line in process.stdout:
            heard[0] = time.monotonic()
            try:
                event = json.loads(line)
            except ValueError:
                problems.append(line.rstrip())
                continue
            if not isinstance(event, dict) or "info" not in event:
                continue
            node = event.get("data", {}).get("node_info") or {}
            if event["info"].get("name") == "LogStartLine":
                begun[node.get("unique_id", "")] = node.get("node_name", "")
            elif event["info"].get("name", "").endswith("Result"):
                begun.pop(node.get("unique_id", ""), None)
            if event["info"].get("level") == "error":
                problems.append(event["info"].get("msg", "").strip())
            yield event
    finally:
        if process.poll() is None:
            try:
                process.wait(timeout=30 if sys.exc_info()[0] is None else 1)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    if process.returncode:
        text = "\n".join(dict.fromkeys(p for p in problems if p))
        raise DbtFailed(text or f"dbt ended with code {process.returncode}")


def _end_when_silent(
    process: subprocess.Popen[str], heard: list[float], begun: dict[str, str], problems: list[str]
) -> None:
    """Kill dbt when it has said nothing for SILENCE_S, and say which models were running."""
    while process.poll() is None:
        time.sleep(min(2.0, SILENCE_S / 10))
        if time.monotonic() - heard[0] > SILENCE_S:
            running = ", ".join(sorted(begun.values())) or "no model"
            problems.append(f"dbt said nothing for {SILENCE_S:.0f} s and was ended; running then: {running}")
            process.kill()
            return


def ensure_manifest(home: Home, say: Any = print) -> Path:
    """The manifest of the project as it stands; parsed anew only when a file of the project changed."""
    path, stamp = manifest_path(home), target_dir(home) / ".digest"
    digest = project_digest()
    if path.exists() and stamp.exists() and stamp.read_text() == digest:
        try:
            json.loads(path.read_bytes())
            return path
        except ValueError:
            say(f"{path} is damaged: it is made anew")
            (target_dir(home) / "partial_parse.msgpack").unlink(missing_ok=True)
    say("reading the dbt project (after a change of it: some seconds)")
    for _ in run(home, ["parse"]):
        pass
    write_atomic(stamp, digest)
    return path


def read_manifest(home: Home) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(manifest_path(home).read_text("utf-8"))
    return result
