"""Versions and locks: what must hold when runs overlap, die, or come late. No Dagster, no dbt here."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from pathlib import Path

import duckdb
import pytest

from ingest.home import Home
from orchestration.build import release


def stage(home: Home, token: int, sequence: int) -> Path:
    folder = home.published / f".new-{token}"
    folder.mkdir(parents=True)
    con = duckdb.connect(str(folder / "atlas.duckdb"))
    con.execute("create table a as select ? as sequence from range(2000)", [sequence])
    con.execute("create table b as select * from a")
    con.execute("checkpoint")
    con.close()
    (folder / "manifest.json").write_text(json.dumps({"sequence": sequence, "version": f"v{sequence}"}))
    return folder


def publish(home: Home, sequence: int) -> Path:
    with release.writer(home):
        token = release.next_token(home)
        return release.publish(home, stage(home, token, sequence), f"v{sequence}", token)


def test_link_moves_and_last_five_stay(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for sequence in range(1, 9):
        publish(home, sequence)
    assert os.readlink(home.current) == "v8"
    assert [p.name for p in release.versions(home)] == ["v4", "v5", "v6", "v7", "v8"]
    assert not (home.current / "atlas.duckdb").stat().st_mode & 0o222, "published files must be read-only"


def test_stale_token_publishes_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path)
    publish(home, 1)
    with release.writer(home):
        old = release.next_token(home)
        release.next_token(home)  # a later run begins
        folder = stage(home, old, 2)
        with pytest.raises(release.StaleToken):
            release.publish(home, folder, "v2", old)
    assert os.readlink(home.current) == "v1"


def _hold(root: str, ready: str) -> None:
    with release.writer(Home(Path(root))):
        Path(ready).touch()
        time.sleep(60)


def test_writer_lock_is_exclusive_and_dies_with_its_process(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    ready = tmp_path / "ready"
    process = multiprocessing.get_context("spawn").Process(target=_hold, args=(str(home.root), str(ready)))
    process.start()
    try:
        while not ready.exists():
            time.sleep(0.05)
        with pytest.raises(release.WriterBusy), release.writer(home, wait_s=0.5):
            raise AssertionError("two writers held the lock at once")
        os.kill(int(process.pid or 0), signal.SIGKILL)
        process.join(10)
        with release.writer(home, wait_s=5):
            pass
    finally:
        process.kill()
        process.join(10)


def test_sweep_removes_what_a_killed_run_left(tmp_path: Path) -> None:
    home = Home(tmp_path)
    publish(home, 1)
    stage(home, 77, 9)
    os.symlink("nowhere", home.published / ".current-77")
    release.sweep(home)
    assert sorted(p.name for p in home.published.iterdir()) == ["current", "v1"]


def _read(root: str, seconds: float, queue: multiprocessing.Queue) -> None:
    errors, torn, back, reads, last = [], 0, 0, 0, 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            con = duckdb.connect(f"{root}/published/current/atlas.duckdb", read_only=True)
            a = con.execute("select min(sequence), max(sequence), count(*) from a").fetchone()
            b = con.execute("select min(sequence), max(sequence), count(*) from b").fetchone()
            con.close()
        except Exception as error:
            errors.append(repr(error)[:200])
            continue
        reads += 1
        torn += a != b or a[0] != a[1]
        back += a[0] < last
        last = a[0]
    queue.put((errors[:3], torn, back, reads))


def test_readers_never_meet_an_error_or_half_a_refresh(tmp_path: Path) -> None:
    home = Home(tmp_path)
    publish(home, 1)
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    readers = [context.Process(target=_read, args=(str(tmp_path), 4.0, queue)) for _ in range(3)]
    for reader in readers:
        reader.start()
    for sequence in range(2, 22):
        publish(home, sequence)
        time.sleep(0.15)
    results = [queue.get(timeout=60) for _ in readers]
    for reader in readers:
        reader.join(10)
    for errors, torn, back, reads in results:
        assert (errors, torn, back) == ([], 0, 0)
        assert reads > 10
