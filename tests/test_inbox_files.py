"""A file in the inbox is its kind and its path: corrections, doubles, withdrawals, two files of one name, files that grow,
lost blobs, the calendar, homes of before.

Belongs here: what becomes of files, up to the landing. Does not belong here: what a record must be (test_inbox), what the
warehouse makes of supplied facts (test_supplied).
"""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import sys
import threading
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import sources.inbox as inbox_module
from ingest.home import Home
from ingest.store import landing
from ingest.store.landing import Landing
from ingest.store.raw import RawStore
from ingest.text import values
from ingest.text.values import china_day
from orchestration import automation
from orchestration.commands import audit
from orchestration.resources import HomeResource
from sources.inbox import SOURCE, check_inputs, shelf
from sources.inbox import withdraw as withdraw_module
from sources.inbox.judge import judge
from sources.inbox.scrubbed import UNENDED, read
from tests.test_inbox import HEADER, TODAY, code_of, csv_text, firm_lines, land_all, landed, verdict, write

PLANTS = "operator_zh,city,product,plant_name,opened_year,capacity,capacity_unit,as_of\n"
#: Held together with a firm's code by nobody else.
FIRM = "甲电池有限公司"


def plant(opened: str = "2011", capacity: str = "100000", name: str = "一厂", city: str = "西安", as_of: str = "") -> str:
    return f"{FIRM},{city},整车,{name},{opened},{capacity},辆,{as_of}\n"


def outcomes(accounts: dict[str, Any]) -> dict[str, str]:
    return {a.file or p: a.outcome for p, a in accounts.items()}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "LOOK_S", 0.02)


# -- the path is the identity --------------------------------------------------------------------------------
def test_a_correction_corrects_and_adds_nothing(tmp_path: Path):
    path = write(tmp_path / "inbox/plants/p.csv", PLANTS + plant())
    (first,) = land_all(tmp_path).values()
    [before] = landed(tmp_path, "plants").rows(named=True)
    write(path, PLANTS + plant(opened="2012", capacity="150000"))
    (second,) = land_all(tmp_path).values()
    assert (second.partition, second.outcome) == (first.partition, "landed")
    [after] = landed(tmp_path, "plants").rows(named=True)
    assert (after["opened_year"], after["capacity"]) == (2012, 150000) and after["record_id"] == before["record_id"]
    assert len(list(Landing(Home(tmp_path)).store.entries("inbox"))) == 2, "the raw journal keeps every snapshot"


def test_the_path_is_the_name_in_sub_folders_and_in_every_unicode_form(tmp_path: Path):
    write(tmp_path / "inbox/plants/wang/export.csv", PLANTS + plant(name="一厂"))
    write(tmp_path / "inbox/plants/li/export.csv", PLANTS + plant(name="二厂"))
    write(tmp_path / "inbox/plants/.hidden/export.csv", PLANTS + plant(name="三厂"))
    accounts = land_all(tmp_path)
    assert outcomes(accounts) == {"plants/li/export.csv": "landed", "plants/wang/export.csv": "landed"}
    assert all(p.startswith("plants-") and Path(p).name == p for p in accounts)
    composed, apart = "caf\u00e9.csv", "cafe\u0301.csv"
    folder = tmp_path / "inbox" / "plants"
    assert shelf.path_name(folder, folder / composed) == shelf.path_name(folder, folder / apart)
    assert shelf.partition_of("plants", "13812345678.csv").count("13812345678") == 0
    assert len({shelf.partition_of("plants", name) for name in ("a b.csv", "a-b.csv", "a/b.csv")}) == 3, "alike as safe names, and not one file"


def test_equal_bytes_count_once_and_the_audit_names_the_double(tmp_path: Path):
    inbox = tmp_path / "inbox" / "firms"
    first = write(inbox / "b.csv", csv_text(firm_lines(10)))
    land_all(tmp_path)
    shutil.copy(first, inbox / "c.csv")
    accounts = land_all(tmp_path)
    assert outcomes(accounts) == {"firms/b.csv": "unchanged", "firms/c.csv": "double"} and landed(tmp_path, "firms").height == 10
    [message] = [a.message for a in accounts.values() if a.outcome == "double"]
    assert message.startswith("firms/c.csv is the double of firms/b.csv")
    shutil.copy(first, inbox / "a.csv")  # which counts must not depend on which came first
    accounts = land_all(tmp_path)
    assert outcomes(accounts) == {"firms/a.csv": "landed", "firms/b.csv": "double", "firms/c.csv": "double"}
    assert landed(tmp_path, "firms")["_partition"].unique().to_list() == [shelf.partition_of("firms", "a.csv")]
    write(inbox / "a.csv", csv_text(firm_lines(11)))  # no longer the same
    assert outcomes(land_all(tmp_path)) == {"firms/a.csv": "landed", "firms/b.csv": "landed", "firms/c.csv": "double"}


def test_the_order_of_arrival_makes_no_difference(tmp_path: Path):
    bodies = {"a.csv": csv_text(firm_lines(4)), "b.csv": csv_text(firm_lines(4)), "c.csv": csv_text(firm_lines(6))}
    found = []
    for home, order in ((tmp_path / "one", "abc"), (tmp_path / "other", "cba")):
        for letter in order:
            write(home / "inbox/firms" / f"{letter}.csv", bodies[f"{letter}.csv"])
            land_all(home)
        files = sorted((home / "landing/inbox/firms").glob("firms-*.parquet"))
        found.append({f.name: pl.read_parquet(f).drop("_fetched_at", strict=False).rows() for f in files})
    assert found[0] == found[1] and len(found[0]) == 2


def test_taking_a_file_away_changes_nothing_but_a_line(tmp_path: Path):
    path = write(tmp_path / "inbox/firms/a.csv", csv_text(firm_lines(10)))
    (first,) = land_all(tmp_path).values()
    assert audit.no_longer_there(Home(tmp_path)) == []
    path.unlink()
    (gone,) = land_all(tmp_path).values()
    assert gone.outcome == "unchanged" and gone.digests == first.digests and landed(tmp_path, "firms").height == 10
    [line] = audit.no_longer_there(Home(tmp_path))
    assert "firms/a.csv is no longer in the inbox; what it said stands; `make withdraw FILE=firms/a.csv WHY=...` takes it out" in line


def test_a_file_that_was_never_taken_and_is_gone_is_forgotten(tmp_path: Path):
    path = write(tmp_path / "inbox/plants/bad.csv", "operator_en\nBYD\n")
    write(tmp_path / "inbox/firms/a.csv", csv_text(firm_lines(3)))
    assert sorted(outcomes(land_all(tmp_path)).values()) == ["landed", "rejected"]
    path.unlink()
    land_all(tmp_path)
    assert outcomes(land_all(tmp_path)) == {"firms/a.csv": "unchanged"}
    assert not list((tmp_path / "quarantine/inbox").glob("plants-*")) and len(Landing(Home(tmp_path)).accounts(SOURCE)) == 1


def contents(home: Path) -> dict[str, Any]:
    return {a.partition: a.content for a in Landing(Home(home)).accounts(SOURCE)}


def test_a_refusal_moves_with_the_journal(tmp_path: Path):
    """A home that is moved without its inbox says what the old one said; only a file that is deleted is forgotten."""
    old = tmp_path / "old"
    write(old / "inbox/plants/bad.csv", "operator_en\nBYD\n")
    write(old / "inbox/plants/mine.csv", PLANTS + plant(name="一厂") + plant(name="二厂"))
    write(old / "inbox/firms/a.csv", csv_text(firm_lines(3)))
    again = write(old / "inbox/firms/again.csv", csv_text(firm_lines(4)))
    land_all(old)
    assert run_withdraw_of(old, "firms/again.csv") == 0
    write(again, "x\n1\n")  # brought again, and refused
    write(old / "inbox/plants/mine.csv", PLANTS + plant(name="八厂", city="长沙"))  # another file: held
    assert outcomes(land_all(old)) == {
        "firms/a.csv": "unchanged", "firms/again.csv": "rejected", "plants/bad.csv": "rejected", "plants/mine.csv": "blocked",
    }  # fmt: skip
    told = contents(old)
    shutil.copytree(old / "raw", tmp_path / "new/raw")
    shutil.copytree(old / "raw", tmp_path / "rebuilt/raw")
    Landing(Home(tmp_path / "rebuilt")).rebuild(SOURCE)
    assert contents(tmp_path / "rebuilt") == told
    for _ in range(2):
        land_all(tmp_path / "new")
        assert contents(tmp_path / "new") == told

    for path in ("plants/bad.csv", "plants/mine.csv", "firms/again.csv"):
        (old / "inbox" / path).unlink()
    for taken in ("landed", "unchanged"):
        land_all(old)
        assert outcomes({a.partition: a for a in Landing(Home(old)).accounts(SOURCE)}) == {
            "firms/a.csv": "unchanged", "firms/again.csv": "withdrawn", "plants/mine.csv": taken,
        }  # fmt: skip
    shutil.copytree(old / "raw", tmp_path / "later/raw")
    land_all(tmp_path / "later")
    assert contents(tmp_path / "later") == contents(old)


@pytest.mark.parametrize("bulk", [False, True])
def test_a_sidecar_that_says_otherwise_is_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bulk: bool):
    if bulk:
        monkeypatch.setattr(inbox_module, "is_bulk", lambda path, kind, media: True)
    rows = firm_lines(60)
    for row in rows[:40]:
        row[3] = "2024-01-02"
    write(tmp_path / "inbox/firms/burst.csv", csv_text(rows))
    assert outcomes(land_all(tmp_path)) == {"firms/burst.csv": "blocked"}
    write(tmp_path / "inbox/firms/burst.csv.manifest.json", json.dumps({"accept_anomalies": ["anomaly:same_day_burst"]}))
    assert outcomes(land_all(tmp_path)) == {"firms/burst.csv": "landed"} and landed(tmp_path, "firms").height == 60
    assert outcomes(land_all(tmp_path)) == {"firms/burst.csv": "unchanged"}


# -- two people's export.csv ------------------------------------------------------------------------------------
@pytest.mark.parametrize("bulk", [False, True])
def test_a_file_that_shares_little_with_the_one_it_replaces_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bulk: bool):
    if bulk:
        monkeypatch.setattr(inbox_module, "is_bulk", lambda path, kind, media: True)
    path = write(tmp_path / "inbox/firms/export.csv", csv_text(firm_lines(10)))
    land_all(tmp_path)
    write(path, csv_text(firm_lines(12, start=6)))  # 4 of the 10 are in it
    (held,) = land_all(tmp_path).values()
    assert held.outcome == "blocked" and held.reasons == {"another_file": 1}
    assert "firms/export.csv has 4 of the 10 keys" in held.message and "REPLACE=1" in held.message
    assert landed(tmp_path, "firms").height == 10 and held.records_in == 10 == held.accepted, "the version before stands"
    (again,) = land_all(tmp_path).values()
    assert again.outcome == "blocked"
    monkeypatch.setenv("EVATLAS_REPLACE", "1")
    (taken,) = land_all(tmp_path).values()
    assert taken.outcome == "landed" and landed(tmp_path, "firms").height == 12
    monkeypatch.delenv("EVATLAS_REPLACE")
    (stands,) = land_all(tmp_path).values()
    assert stands.outcome == "unchanged" and not list((tmp_path / "raw" / "tmp").glob("parsed-*"))


def test_half_of_the_keys_is_enough_and_growth_is_no_other_file(tmp_path: Path):
    path = write(tmp_path / "inbox/firms/export.csv", csv_text(firm_lines(10)))
    land_all(tmp_path)
    write(path, csv_text(firm_lines(40, start=5)))
    assert outcomes(land_all(tmp_path)) == {"firms/export.csv": "landed"}


def test_a_file_held_and_put_back_is_as_it_was(tmp_path: Path):
    path = write(tmp_path / "inbox/firms/export.csv", csv_text(firm_lines(10)))
    (first,) = land_all(tmp_path).values()
    write(path, csv_text(firm_lines(10, start=50)))
    assert outcomes(land_all(tmp_path)) == {"firms/export.csv": "blocked"}
    write(path, csv_text(firm_lines(10)))
    (back,) = land_all(tmp_path).values()
    assert back.outcome == "landed" and back.message == "" and back.digests.keys() == first.digests.keys()


# -- withdrawal -----------------------------------------------------------------------------------------------------
def run_withdraw_of(home: Path, file: str) -> int:
    with pytest.MonkeyPatch.context() as patch:
        return run_withdraw(home, patch, file)


def run_withdraw(home: Path, monkeypatch: pytest.MonkeyPatch, file: str, why: str = "typed from memory") -> int:
    monkeypatch.setenv("EVATLAS_HOME", str(home))
    return withdraw_module.main(["--file", file, "--why", why])


def test_withdrawal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    body = csv_text(firm_lines(10))
    path = write(tmp_path / "inbox/firms/wang/a.csv", body)
    write(tmp_path / "inbox/firms/b.csv", csv_text(firm_lines(3, start=90)))
    land_all(tmp_path)
    blobs = sorted(p.name for p in (tmp_path / "raw/blobs").rglob("*") if p.is_file())
    assert run_withdraw(tmp_path, monkeypatch, "wang/a.csv", "联系人张三 13812345678 says it is wrong") == 0
    assert "is withdrawn" in capsys.readouterr().out and not path.exists()
    assert (tmp_path / "inbox/.withdrawn/firms/wang/a.csv").read_text() == body
    accounts = land_all(tmp_path)
    assert outcomes(accounts) == {"firms/b.csv": "unchanged", "firms/wang/a.csv": "withdrawn"} and landed(tmp_path, "firms").height == 3
    [message] = [a.message for a in accounts.values() if a.outcome == "withdrawn"]
    assert "says it is wrong" in message and "13812345678" not in message and "张三" not in message
    assert blobs == sorted(p.name for p in (tmp_path / "raw/blobs").rglob("*") if p.is_file()), "the raw bytes stay"
    assert audit.no_longer_there(Home(tmp_path)) == []
    # a rebuild from the raw store alone honours it
    for folder in ("landing", "quarantine", "inbox"):
        shutil.rmtree(tmp_path / folder, ignore_errors=True)
    assert outcomes(land_all(tmp_path)) == {"firms/b.csv": "landed", "firms/wang/a.csv": "withdrawn"}
    assert Landing(Home(tmp_path)).rebuild(SOURCE) and landed(tmp_path, "firms").height == 3
    # the same file brought again counts again
    write(path, body)
    assert outcomes(land_all(tmp_path)) == {"firms/b.csv": "unchanged", "firms/wang/a.csv": "landed"} and landed(tmp_path, "firms").height == 13


def test_a_withdrawal_names_one_file_and_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    write(tmp_path / "inbox/firms/wang/a.csv", csv_text(firm_lines(2)))
    write(tmp_path / "inbox/firms/li/a.csv", csv_text(firm_lines(2, start=9)))
    write(tmp_path / "inbox/plants/bad.csv", "operator_en\nBYD\n")
    land_all(tmp_path)
    assert run_withdraw(tmp_path, monkeypatch, "a.csv") == 1 and "firms/wang/a.csv" in capsys.readouterr().err
    assert run_withdraw(tmp_path, monkeypatch, "none.csv") == 1 and "firms/li/a.csv" in capsys.readouterr().err
    assert run_withdraw(tmp_path, monkeypatch, "firms/li/a.csv", " ") == 2
    assert {*outcomes(land_all(tmp_path)).values()} == {"unchanged", "rejected"}
    assert run_withdraw(tmp_path, monkeypatch, "bad.csv") == 0  # one that never landed can go too
    accounts = land_all(tmp_path)
    assert outcomes(accounts)["plants/bad.csv"] == "withdrawn"
    assert not list((tmp_path / "quarantine/inbox").glob("plants-*"))
    # once one of two files of a name is withdrawn, the bare name does not take the other
    assert run_withdraw(tmp_path, monkeypatch, "firms/wang/a.csv") == 0
    land_all(tmp_path)
    capsys.readouterr()
    assert run_withdraw(tmp_path, monkeypatch, "a.csv") == 1 and "was also the name of firms/wang/a.csv" in capsys.readouterr().err
    assert run_withdraw(tmp_path, monkeypatch, "li/a.csv") == 0


# -- files that grow -----------------------------------------------------------------------------------------------------
def test_a_half_copied_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shelf, "LOOK_S", 0.3)
    path = write(tmp_path / "inbox/firms/a.csv", csv_text(firm_lines(5)))
    rest = csv_text(firm_lines(10))[len(csv_text(firm_lines(5))) :]

    def copy() -> None:
        for i in range(8):
            time.sleep(0.08)
            with open(path, "a", encoding="utf-8") as handle:  # closed between: no writer to be seen
                handle.write(rest[len(rest) * i // 8 : len(rest) * (i + 1) // 8])

    copier = threading.Thread(target=copy)
    copier.start()
    (growing,) = land_all(tmp_path).values()
    copier.join()
    assert growing.outcome == "rejected" and growing.reasons == {"still_growing": 1}
    assert [e["health"] for e in RawStore(tmp_path / "raw").entries("inbox")] == ["schema_changed"], "the journal keeps that it was refused, and no bytes"
    assert not (tmp_path / "raw/blobs").exists()
    (whole,) = land_all(tmp_path).values()
    assert (whole.outcome, whole.accepted) == ("landed", 10)
    assert not list((tmp_path / "quarantine/inbox").glob("firms-*"))


@pytest.mark.skipif(sys.platform != "linux", reason="leases are Linux's")
def test_a_file_that_somebody_still_writes_is_not_read(tmp_path: Path):
    path = write(tmp_path / "inbox/firms/a.csv", csv_text(firm_lines(5)))
    os.utime(path, (time.time() - 900,) * 2)
    with open(path, "a", encoding="utf-8") as handle:
        handle.write("")
        (growing,) = land_all(tmp_path).values()
    assert growing.reasons == {"still_growing": 1} and "open for writing" in growing.message
    (whole,) = land_all(tmp_path).values()
    assert whole.outcome == "landed"


def test_a_file_that_changes_while_it_is_read_is_read_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = write(tmp_path / "inbox/firms/a.csv", csv_text(firm_lines(5)))
    honest = inbox_module.read

    def slow(*args: Any) -> Any:
        found = honest(*args)
        write(path, csv_text(firm_lines(9)))
        return found

    monkeypatch.setattr(inbox_module, "read", slow)
    (changed,) = land_all(tmp_path).values()
    assert changed.reasons == {"still_growing": 1} and [e["pages"] for e in RawStore(tmp_path / "raw").entries("inbox")] == [[]]
    monkeypatch.setattr(inbox_module, "read", honest)
    (whole,) = land_all(tmp_path).values()
    assert whole.accepted == 9
    [_, entry] = RawStore(tmp_path / "raw").entries("inbox")
    assert entry["pages"][0]["original_sha256"] == inbox_module.sha256_of(path), "the digest of the very bytes that were read"


def test_many_new_files_wait_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    waits: list[float] = []
    monkeypatch.setattr(shelf.time, "sleep", waits.append)
    monkeypatch.setattr(shelf, "LOOK_S", 0.5)
    for i in range(3):
        write(tmp_path / f"inbox/firms/{i}.csv", csv_text(firm_lines(3, start=i * 10)))
    clock = [100.0]
    monkeypatch.setattr(shelf.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(shelf.time, "sleep", lambda s: (waits.append(s), clock.__setitem__(0, clock[0] + s)))
    land_all(tmp_path)
    assert sum(waits) == pytest.approx(0.5)
    for path in (tmp_path / "inbox/firms").iterdir():
        os.utime(path, (time.time() - 60,) * 2)
    waits.clear()
    monkeypatch.setattr(shelf, "RECENT_S", 0.0)  # a change of mtime is itself a touch
    land_all(tmp_path)
    assert waits == [], "what nobody touched costs nothing"


@pytest.mark.parametrize("bulk", [False, True])
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16-le"])
def test_a_file_cut_in_its_last_field_is_flagged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bulk: bool, encoding: str):
    if bulk:
        monkeypatch.setattr(check_inputs, "is_bulk", lambda path, kind, media: True)
    whole = csv_text(firm_lines(20))
    assert UNENDED not in verdict(write(tmp_path / "w.csv", whole.encode(encoding)))["flags"]
    got = verdict(write(tmp_path / "c.csv", whole[:-2].encode(encoding)))
    assert got["verdict"] == "accept" and UNENDED in got["flags"]
    assert verdict(write(tmp_path / "r.csv", whole[: whole.rindex(",") - 3].encode(encoding)))["reasons"] == ["truncated"]


def test_a_shorter_file_without_an_end_does_not_replace_a_whole_one(tmp_path: Path):
    rows = firm_lines(20)
    path = write(tmp_path / "inbox/firms/a.csv", csv_text(rows))
    land_all(tmp_path)
    write(path, csv_text(rows[:15])[:-2])  # 15 of 20 keys: enough of them, but cut
    (held,) = land_all(tmp_path).values()
    assert held.outcome == "blocked" and held.reasons == {"truncated": 1} and landed(tmp_path, "firms").height == 20
    write(path, csv_text(rows[:15]))
    (taken,) = land_all(tmp_path).values()
    assert taken.outcome == "landed" and landed(tmp_path, "firms").height == 15


def test_the_sensor_looks_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import dagster as dg

    monkeypatch.setenv("EVATLAS_HOME", str(tmp_path))
    cursor: str | None = None

    def tick() -> str:
        nonlocal cursor
        with dg.instance_for_test() as instance:
            context = dg.build_sensor_context(instance=instance, cursor=cursor, resources={"home": HomeResource()})
            found = automation.inbox_sensor(context)
            cursor = context.cursor
        return "run" if isinstance(found, dg.RunRequest) else str(found.skip_message)

    assert "no new file" in tick()
    path = write(tmp_path / "inbox/plants/deep/p.csv", PLANTS)
    assert "once more" in tick()
    with open(path, "a", encoding="utf-8") as handle:
        handle.write(plant())
    assert "once more" in tick(), "it grew between the looks"
    assert tick() == "run" and "no new file" in tick()


# -- lost blobs --------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("damage", ["lost", "cut", "turned"])
@pytest.mark.parametrize("bulk", [False, True])
def test_a_lost_blob_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str, bulk: bool):
    if bulk:
        monkeypatch.setattr(inbox_module, "is_bulk", lambda path, kind, media: path.name != "c.csv")
    for i, name in enumerate(("a.csv", "b.csv", "c.csv")):
        write(tmp_path / "inbox/firms" / name, csv_text(firm_lines(5, start=10 * i)))
    accounts = land_all(tmp_path)
    store = RawStore(tmp_path / "raw")
    blobs = {e["pages"][0]["key"]: store.blob(e["pages"][0]["sha256"]) for e in store.entries("inbox")}
    for file in ("firms/a.csv", "firms/b.csv"):
        body = blobs[file].read_bytes()
        blobs[file].unlink()
        if damage != "lost":
            blobs[file].write_bytes(body[:9] if damage == "cut" else body[:-9] + body[-9:][::-1])
    (tmp_path / "inbox/firms/b.csv").unlink()
    again = {a.file: a for a in land_all(tmp_path).values()}
    assert [again[f"firms/{n}.csv"].outcome for n in "abc"] == ["unchanged", "rejected", "unchanged"]
    store.get(blobs["firms/a.csv"].name)  # healed from the file that still lies in the inbox
    lost = again["firms/b.csv"]
    assert lost.reasons == {"lost_blob": 1} and "bring it again" in lost.message and lost.tables == {**accounts[lost.partition].tables}
    assert landed(tmp_path, "firms").height == 15, "what landed of it stands"
    write(tmp_path / "inbox/firms/b.csv", csv_text(firm_lines(5, start=10)))
    assert {a.outcome for a in land_all(tmp_path).values()} <= {"unchanged", "landed"}
    store.get(blobs["firms/b.csv"].name)


def test_a_rebuild_passes_over_a_lost_blob(tmp_path: Path):
    for i, name in enumerate(("a.csv", "b.csv")):
        write(tmp_path / "inbox/firms" / name, csv_text(firm_lines(5, start=10 * i)))
    land_all(tmp_path)
    store = RawStore(tmp_path / "raw")
    first = next(iter(store.entries("inbox")))
    store.blob(first["pages"][0]["sha256"]).unlink()
    shutil.rmtree(tmp_path / "landing")
    done = {a.partition: a for a in Landing(Home(tmp_path)).rebuild(SOURCE)}
    assert done[first["partition"]].reasons == {"lost_blob": 1} and landed(tmp_path, "firms").height == 5


# -- one calendar ----------------------------------------------------------------------------------------------------------------
def test_shanghai_morning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """At 00:30 on the 1st in Shanghai it is still the day before in UTC: a date of the 1st is of today."""
    morning = dt.datetime(2026, 11, 30, 16, 30, tzinfo=dt.UTC)
    assert china_day(morning) == dt.date(2026, 12, 1) and china_day(morning - dt.timedelta(hours=1)) == dt.date(2026, 11, 30)
    with pytest.raises(ValueError, match="carries no offset"):
        china_day(dt.datetime(2026, 12, 1))

    class Clock(dt.datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return morning.astimezone(tz) if tz else dt.datetime(2026, 11, 30, 9, 30)  # a machine in New York

    class Days(dt.date):
        @classmethod
        def today(cls) -> Any:
            return dt.date(2026, 11, 30)

    from ingest.store import raw

    for module in (inbox_module, check_inputs, landing, raw, values):
        monkeypatch.setattr(module.dt, "datetime", Clock)
        monkeypatch.setattr(module.dt, "date", Days)
    rows = [[code_of(1), "甲公司", "深圳市", "2026-12-01", "", ""], [code_of(2), "乙公司", "深圳市", "2026-12-02", "", ""]]
    write(tmp_path / "inbox/firms/a.csv", csv_text(rows))
    (account,) = land_all(tmp_path).values()
    assert check_inputs.main(["--dir", str(tmp_path / "inbox")]) == 0
    got = json.loads(capsys.readouterr().out)
    assert (account.accepted, account.quarantined, account.reasons) == (1, 1, {"future_date": 1})
    assert (got["rows_ok"], got["rows_quarantined"], got["reasons"]) == (1, 1, ["future_date"])


# -- natural keys -----------------------------------------------------------------------------------------------------------------
def judged(tmp_path: Path, kind: str, text: str) -> Any:
    found = judge(read(write(tmp_path / "f.csv", text), kind, "csv"), TODAY)
    assert found.records_in == found.accepted + len(found.quarantine)
    return found


def test_records_of_one_key_in_a_file_are_settled_by_name(tmp_path: Path):
    text = PLANTS + plant(opened="2011") + plant(opened="2012") + plant(opened="2011") + plant(opened="2013", city="610100", as_of="2025")
    found = judged(tmp_path, "plants", text + plant(name="二厂"))
    assert [(r["plant_name"], r["opened_year"]) for r in found.rows] == [("一厂", 2013), ("二厂", 2011)]
    told = [(q["record"], q["reason"]) for q in found.quarantine]
    assert told == [(1, "conflicting"), (2, "conflicting"), (3, "conflicting")]
    assert "record 4 is about the same and speaks of a later day" in found.quarantine[0]["detail"]
    found = judged(tmp_path, "plants", PLANTS + plant() + plant() + plant(opened="2012"))
    assert [(q["record"], q["reason"]) for q in found.quarantine] == [(2, "repeated"), (3, "conflicting")]
    assert "record 1" in found.quarantine[0]["detail"] and "comes first" in found.quarantine[1]["detail"]


@pytest.mark.parametrize(
    ("kind", "head", "row", "corrected", "other"),
    [("city_output", "city,year,product,output,unit", "西安,2023,nev,1,辆", "Xi'an,2023,nev,2,辆", "西安,2023,auto,1,辆"),
     ("policies", "title_zh,issuer,level,issue_date,doc_no", "办法,西安市,city,2023-01-02,市政发〔2023〕1号", "办法(改),西安市,city,2023-01-03,市政发[2023]1号",
      "办法,西安市,city,2023-01-02,市政发〔2023〕2号"),
     ("policies", "title_zh,issuer,level,issue_date,content_zh", "办法,西安市,city,2023-01-02,一", "办法,西安市,city,2023-01-02,二", "办法,西安市,city,2023-01-03,一"),
     ("miit_products", "batch,company_zh,model,fuel", "402,甲,A1,纯电动", "402,甲,A1,汽油", "403,甲,A1,纯电动"),
     ("admission_lists", "list_id,batch,company_zh,action,published_on", "规范,5,甲,admitted,2020", "规范,5,甲,admitted,2021", "规范,5,甲,revoked,2020"),
     ("listed_companies", "stock_code,name_zh,as_of", "002594,甲,2020", "002594,乙,2020", "002594,甲,2021"),
     ("parents", "child,parent,share,source_url", "甲,乙,51,u", "甲,乙,60,u", "甲,丙,51,u"),
     ("firms", "name_zh,city,industry", "甲,西安,一", "甲,西安市,二", "甲,深圳,一"),
     ("firms", "name_zh,lei,city", "甲,300300C1092442000090,西安", "乙,300300C1092442000090,西安", "甲,,西安")],
)  # fmt: skip
def test_natural_keys(tmp_path: Path, kind: str, head: str, row: str, corrected: str, other: str):
    ids = []
    for number, line in enumerate((row, corrected, other)):
        rows = judged(tmp_path / str(number), kind, f"{head}\n{line}\n").rows
        assert len(rows) == 1, line
        ids.append(rows[0]["record_id"])
    assert ids[0] == ids[1] != ids[2]


# -- homes of before ----------------------------------------------------------------------------------------------------------------
def test_a_home_of_before_goes_on_living(tmp_path: Path):
    """Its journal knows a file by its digest, and two versions of one path as two partitions."""
    home = Home(tmp_path)
    path = tmp_path / "inbox/plants/p.csv"
    store = RawStore(home.raw)
    for opened in ("2011", "2012"):
        write(path, PLANTS + plant(opened=opened))
        body = read(path, "plants", "csv").to_bytes()
        page = inbox_module.Page(
            url="file:inbox/plants/p.csv", body=body, fetched_at=dt.datetime.now(dt.UTC), headers={"format": "1"}, key="plants/p.csv",
            original_sha256=inbox_module.sha256_of(path),
        )  # fmt: skip
        former = f"plants-{page.original_sha256[:16]}"
        store.record("inbox", former, [page], "ok")
        write(tmp_path / "landing/inbox/plants" / f"{former}.parquet", b"old")
        write(tmp_path / "landing/inbox/_accounts" / f"{former}.json", json.dumps(vars(landing.Account("inbox", former, "landed", "ok"))))
    accounts = land_all(tmp_path)
    assert sorted(a.outcome for a in accounts.values()) == ["landed", "moved", "moved"]
    assert landed(tmp_path, "plants")["opened_year"].to_list() == [2012], "counted once, as its path says now"
    assert len(list((tmp_path / "landing/inbox/_accounts").glob("*.json"))) == 1
    (only,) = land_all(tmp_path).values()
    assert only.outcome == "unchanged"
    path.unlink()
    for folder in ("landing", "quarantine"):
        shutil.rmtree(tmp_path / folder)
    (rebuilt,) = land_all(tmp_path).values()
    assert rebuilt.outcome == "landed" and landed(tmp_path, "plants")["opened_year"].to_list() == [2012]


def test_shelf_knows_no_file_where_nothing_came(tmp_path: Path):
    assert shelf.known_files(RawStore(tmp_path / "raw")) == {} and shelf.gone_files(tmp_path / "inbox", RawStore(tmp_path / "raw")) == []
    assert HEADER


@pytest.mark.parametrize("name", [b"a" * 240 + b".csv", b"bad\xff\xfename.csv"], ids=["as long as a name may be", "bytes that are no text"])
def test_an_odd_name_stops_no_other_file(tmp_path: Path, name: bytes):
    write(tmp_path / "inbox/firms/a.csv", csv_text(firm_lines(3)))
    folder = tmp_path / "inbox/plants"
    folder.mkdir(parents=True)
    with open(os.path.join(os.fsencode(folder), name), "wb") as handle:
        handle.write((PLANTS + plant()).encode())
    for outcome in ("landed", "unchanged"):
        assert set(outcomes(land_all(tmp_path)).values()) == {outcome}
    Landing(Home(tmp_path)).write_ledger([SOURCE])
    assert landed(tmp_path, "plants").height == 1


def test_a_day_that_no_month_has_stops_nothing(tmp_path: Path):
    text = "title_zh,issuer,level,issue_date,content_zh\n关于补贴的通知,某市政府,市,2021-05-01,本通知自2021年11月31日起施行，有效期2年。给予补贴100万元。\n"
    write(tmp_path / "inbox/policies/p.csv", text)
    (account,) = land_all(tmp_path).values()
    assert (account.outcome, account.accepted) == ("landed", 1)
    [(start, end)] = landed(tmp_path, "policy_facts").select("valid_from", "valid_to").rows()
    assert start == "2021-11-01" and end == "2023-10-31"
