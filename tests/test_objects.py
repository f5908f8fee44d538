"""The interface under the raw store and the history: whole objects under names of their own.

Belongs here: what every implementation of `Objects` must do, run on each of them. Does not belong here: what the objects are.
"""

from __future__ import annotations

import datetime as dt
import threading
from pathlib import Path

import pytest

from ingest.store import raw
from ingest.store.objects import Folder, Objects
from ingest.store.raw import RawStore


@pytest.fixture(params=[Folder])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    made: Objects = request.param(tmp_path / "objects")
    return made


def test_whole_objects_by_name(objects: Objects, tmp_path: Path) -> None:
    assert list(objects.list("a")) == []
    objects.put("a/2", b"two")
    objects.put("a/1", b"one")
    objects.put("b/x/y", b"")
    given = tmp_path / "given"
    given.write_bytes(b"large")
    objects.put_file("a/3", given)
    assert not given.exists() and objects.get("a/3") == b"large" == objects.path("a/3").read_bytes()
    assert list(objects.list("a")) == ["a/1", "a/2", "a/3"] and list(objects.list("b")) == ["b/x/y"]
    objects.put("a/1", b"one")
    assert objects.get("a/1") == b"one" and objects.get("b/x/y") == b""
    for ask in (objects.get, objects.path):
        with pytest.raises(FileNotFoundError):
            ask("a/4")


def test_of_many_who_put_one_name_one_succeeds(objects: Objects) -> None:
    start, kept = threading.Barrier(8), []

    def put(number: int) -> None:
        start.wait()
        if objects.put_if_absent("one/name", str(number).encode()):
            kept.append(number)

    threads = [threading.Thread(target=put, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(kept) == 1 and objects.get("one/name") == str(kept[0]).encode()
    assert list(objects.list("one")) == ["one/name"], "nothing half written is left behind"


def test_names_of_entries_keep_their_order_when_the_clock_goes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock(dt.datetime):
        at = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)

        @classmethod
        def now(cls, tz: object = None) -> dt.datetime:  # type: ignore[override]
            return cls.at

    monkeypatch.setattr(raw.dt, "datetime", Clock)
    RawStore(tmp_path).record("s", "a-b", [], "ok")
    Clock.at -= dt.timedelta(days=400)
    for store in (RawStore(tmp_path), RawStore(tmp_path)):
        store.record("s", "b", [], "ok")
        store.record("s", "a-b", [], "gone")
    store = RawStore(tmp_path)
    assert [(e["partition"], e["health"]) for e in store.entries("s")] == [("a-b", "ok"), ("b", "ok"), ("a-b", "gone"), ("b", "ok"), ("a-b", "gone")]
    assert [e["health"] for e in store.entries("s", "a-b")] == ["ok", "gone", "gone"] and store.names("s", "b")[-1] < store.last("s").join(("s/journal/", ""))
    assert len(list(store.entries("s", "b"))) == 2, "a partition whose name ends as another's is not taken for it"


def test_a_reader_of_addresses_hears_what_its_store_records(tmp_path: Path) -> None:
    from ingest.declaration import Page

    def page(text: bytes) -> Page:
        return Page(url="https://a.cn/", body=text, fetched_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC), headers={"etag": text.decode()})

    store = RawStore(tmp_path)
    store.record("s", "a", [page(b"1")], "ok")
    previous = store.validators("s")
    assert (previous("https://a.cn/") or {})["etag"] == "1" and previous("https://b.cn/") is None
    store.record("s", "b", [page(b"2")], "ok")
    assert (previous("https://a.cn/") or {})["etag"] == "2"
