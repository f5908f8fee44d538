"""The MIIT connector against its replica: encoding, paging caps, totals, challenges, and which batches there are."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from ingest.declaration import SourceError
from ingest.store import code_digest
from sources.miit import SOURCE
from sources.miit.parse import nev_type, vehicle_class
from tests.conftest import DATA
from tests.replicas.base import Reply, serve
from tests.replicas.miit import Miit, product

SHAPES = Path(__file__).parents[1] / "data" / "live_shapes"
WALL = Reply("<html><head></head><body>访问行为验证 请拖动滑块</body></html>".encode(), headers={"Content-Type": "text/html"})


def test_lands_a_batch_once_and_whole(landing_on):
    with serve(Miit(batches={402: 1_500})) as replica:
        landing = landing_on(SOURCE, replica)
        account = landing.land(SOURCE, "402")
        assert (account.outcome, account.health, account.message) == ("landed", "ok", "")
        assert account.records_in == account.accepted == 1_250  # five sixths; the swappable ones found twice
        products = pl.read_parquet(landing.table_path(SOURCE, "products", "402"))
        counts = dict(products.group_by("nev_type").len().iter_rows())
        assert counts == {"bev": 500, "phev": 250, "erev": 250, "fcev": 250}
        assert products["swappable"].sum() == 250 and set(products["batch"]) == {402}
        # two pages of 纯电动 are found by 换电 too; each page is asked for exactly once
        asked = [(q["clmc"], q["pageNum"]) for q in replica.queries]
        assert len(asked) == len(set(asked)) == 5 + 4 * 3
        assert {q["pageSize"] for q in replica.queries} == {"100"}
        assert b"clmc=%25E7%25BA%25AF" in replica.asked[0].body, "texts are percent-encoded twice"


def test_a_batch_that_is_not_there_is_empty_and_a_landed_one_stands(landing_on):
    with serve(Miit(batches={402: 120})) as replica:
        landing = landing_on(SOURCE, replica)
        account = landing.land(SOURCE, "499")
        assert (account.outcome, account.health) == ("failed", "empty") and len(replica.queries) == 1
        landing.land(SOURCE, "402")
        before = landing.table_path(SOURCE, "products", "402").read_bytes()
        replica.batches[402] = 0
        account = landing.land(SOURCE, "402")
        assert (account.outcome, account.health, account.tables) == ("failed", "empty", {"products": 100})
        assert landing.table_path(SOURCE, "products", "402").read_bytes() == before


def test_a_challenge_ends_the_source_at_once(landing_on):
    """The wall is not asked again: neither for this batch nor for the next, and what stands stays."""
    with serve(Miit(batches={401: 600, 402: 600})) as replica:
        landing = landing_on(SOURCE, replica)
        landing.land(SOURCE, "401")
        asked = len(replica.asked)
        replica.faults = [None, WALL]
        account = landing.land(SOURCE, "402")
        assert (account.outcome, account.health) == ("failed", "challenged")
        again = landing.land(SOURCE, "401")
        assert (again.outcome, again.health, again.tables) == ("failed", "challenged", {"products": 500})
        assert len(replica.asked) == asked + 2


def test_a_total_that_changes_between_pages_is_asked_anew(landing_on):
    with serve(Miit(batches={402: 900}, grow=(1, 402, 60))) as replica:
        account = landing_on(SOURCE, replica).land(SOURCE, "402")
        assert account.outcome == "landed" and account.accepted == 800
        assert [q["pageNum"] for q in replica.queries[:4]] == ["1", "2", "1", "2"]


def test_rows_that_are_counted_and_not_sent_block(landing_on):
    with serve(Miit(batches={402: 900}, lose=3)) as replica:
        account = landing_on(SOURCE, replica).land(SOURCE, "402")
        assert account.outcome == "blocked" and "the publisher counts" in account.message


def test_a_filter_that_is_not_honoured_shows_in_the_books(landing_on):
    with serve(Miit(batches={402: 120}, ignore_words=True)) as replica:
        account = landing_on(SOURCE, replica).land(SOURCE, "402")
        assert account.tables == {"products": 100} and account.reasons == {"not_nev": 100}  # 20 rows, five times
        assert account.records_in == account.accepted + account.quarantined


def test_a_renamed_field_is_a_changed_schema(landing_on):
    with serve(Miit(batches={402: 120}, rename={"qymc": "companyName"})) as replica:
        account = landing_on(SOURCE, replica).land(SOURCE, "402")
        assert (account.outcome, account.health) == ("rejected", "schema_changed") and "qymc" in account.message


def test_throttled_then_served(landing_on):
    with serve(Miit(batches={402: 120}, faults=[Reply(b"", 429, {"Retry-After": "1"}), None, Reply(b"", 503)])) as replica:
        assert landing_on(SOURCE, replica).land(SOURCE, "402").outcome == "landed"
        assert replica.asked[1].at - replica.asked[0].at >= 1.0


def test_lists_what_is_newer_than_the_newest_landed(landing_on):
    with serve(Miit(batches=dict.fromkeys(range(409, 415), 120))) as replica:
        landing = landing_on(SOURCE, replica)
        assert landing.partitions(SOURCE) == ["414"], "an empty home begins with the newest; the rest is a backfill's"
        assert [q["pc"] for q in replica.queries] == [str(n) for n in range(411, 418)]
        assert {q["clmc"] for q in replica.queries} == {"纯电动"}, "an empty question is refused"
        landing.land(SOURCE, "412")
        replica.queries.clear()
        assert landing.partitions(SOURCE) == ["413", "414"]
        assert [(q["pc"], q["pageSize"]) for q in replica.queries] == [(str(n), "1") for n in range(413, 418)]
        landing.land(SOURCE, "414")
        assert landing.partitions(SOURCE) == ["413"], "one that was passed over is not lost"
        landing.land(SOURCE, "413")
        assert landing.partitions(SOURCE) == []
        replica.faults = [WALL]
        with pytest.raises(SourceError, match="challenged"):
            landing.partitions(SOURCE)


def test_an_empty_home_walks_down_from_the_last_known_batch(landing_on):
    """As it stood on 2026-08-22: 328 to 408 answered, 409 and later did not."""
    with serve(Miit(batches=dict.fromkeys(range(328, 409), 120))) as replica:
        assert landing_on(SOURCE, replica).partitions(SOURCE) == ["408"]
        assert [q["pc"] for q in replica.queries] == ["411", "412", "413", "410", "409", "408"]
    with serve(Miit(batches={})) as replica, pytest.raises(SourceError, match="none of 36 batches up to 413 is there"):
        landing_on(SOURCE, replica).partitions(SOURCE)


def test_a_number_without_a_batch_hides_none_after_it(landing_on):
    with serve(Miit(batches=dict.fromkeys((408, 410, 411, 416), 120))) as replica:
        landing = landing_on(SOURCE, replica)
        landing.land(SOURCE, "408")
        assert landing.partitions(SOURCE) == ["410", "411"], "409 is missing; four missing numbers are the end"
        landing.land(SOURCE, "410")
        landing.land(SOURCE, "411")
        replica.batches[409] = 120
        assert landing.partitions(SOURCE) == ["409"], "it came late"


def test_a_word_without_rows_is_no_changed_schema(landing_on):
    """The public shape: respCode 200, no countResult, no rows. A batch without swappable vehicles lands."""
    shape = (SHAPES / "miit_eidc_word_without_rows.json").read_bytes()
    row = json.loads((SHAPES / "miit_eidc_row.json").read_text("utf-8"))["cpList"][0]
    assert {k: type(v) for k, v in row.items()} == {k: type(v) for k, v in product(402, 0).items()}, "the replica's rows are like the public ones"
    with serve(Miit(batches={402: 60})) as replica:
        replica.faults = [None, None, None, None, Reply(shape, headers={"Content-Type": "application/json"})]
        account = landing_on(SOURCE, replica).land(SOURCE, "402")
        assert (account.outcome, account.message) == ("landed", "") and account.accepted == 50
    with serve(Miit(batches={402: 3}, counts_nothing=True)) as replica:  # a battery, a plug-in, a range-extended vehicle
        account = landing_on(SOURCE, replica).land(SOURCE, "402")
        assert account.outcome == "blocked" and "3 rows, believable are 20" in account.message, "two words without rows, three products"


@pytest.mark.parametrize("name", ["miit_doCpQuery_response.json", "miit_doCpQuery_empty_table_digest_SYNTHETIC.json"])
def test_real_replies_are_read_as_the_replica_speaks(landing_on, name):
    """The shared samples: a first page that is not the whole batch blocks, and `Table` means no data."""
    body = (DATA / "samples" / "registries" / name).read_bytes()
    reply = Reply(body, headers={"Content-Type": "application/json"})
    with serve(Miit(batches={}, faults=[reply] * 70)) as replica:
        account = landing_on(SOURCE, replica).land(SOURCE, "402")
    if "empty" in name:
        assert (account.health, len(replica.asked)) == ("empty", 1)
    else:
        assert account.outcome == "blocked" and "122 records, the publisher counts 6055" in account.message


def test_kept_bytes_are_read_again_when_the_code_changes(landing_on, monkeypatch):
    """Old batches are never asked for again: a change of code or vocabulary, or a lost landing, reads what is kept."""
    with serve(Miit(batches={401: 120, 402: 120})) as replica:
        landing = landing_on(SOURCE, replica)
        for batch in ("401", "402"):
            landing.land(SOURCE, batch)
        path = landing.table_path(SOURCE, "products", "401")
        before, asked = path.read_bytes(), len(replica.asked)
        replica.faults = [WALL]
        landing.land(SOURCE, "402")
        assert len(landing.rebuild(SOURCE)) == 2 and landing.rebuild(SOURCE) == []
        for file in (path, landing.account_path(SOURCE, "401"), path.parent.parent / "_code"):
            file.unlink()
        assert [a.outcome for a in landing.rebuild(SOURCE)] == ["landed", "failed"] and path.read_bytes() == before
        monkeypatch.setitem(code_digest._DIGESTS, (SOURCE.name, False), "another code")
        rebuilt = landing.rebuild(SOURCE)
        assert [a.partition for a in rebuilt] == ["401", "402"] and all(a.records_in == 100 for a in rebuilt)
        assert (rebuilt[1].outcome, rebuilt[1].health) == ("failed", "challenged"), "the wall is not forgotten"
        assert len(replica.asked) == asked + 1


@pytest.mark.parametrize("key", ["../../402", "a/b", ".hidden", ""])
def test_a_key_typed_into_the_ui_never_leaves_the_landing(landing_on, key):
    with serve(Miit()) as replica, pytest.raises(ValueError, match="cannot be the name"):
        landing_on(SOURCE, replica).land(SOURCE, key)


def test_kinds_of_products():
    assert [nev_type(n) for n in ("换电式纯电动自卸汽车", "插电式增程混合动力轿车", "甲醇增程式燃料电池货车", "轿车")] == ["bev", "erev", "fcev", None]
    names = ("纯电动客车底盘", "纯电动轿车", "纯电动城市客车", "换电式纯电动自卸汽车", "纯电动洗扫车")
    assert [vehicle_class(n) for n in names] == ["chassis", "passenger", "bus", "truck", "special"]
