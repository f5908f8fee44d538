"""The Beijing Stock Exchange's connector against its replica: fetch, parse and land."""

from __future__ import annotations

import sys

import polars as pl

from sources.bse import SOURCE
from tests.replicas.base import serve
from tests.replicas.bse import Bse


def test_lands_the_list_within_a_session(landing_on):
    with serve(Bse()) as replica:
        landing = landing_on(SOURCE, replica)
        account = landing.land(SOURCE)
        assert (account.outcome, account.tables, account.message) == ("landed", {"listed": 130}, "")
        row = pl.read_parquet(landing.table_path(SOURCE, "listed", "all")).row(0, named=True)
        assert (row["stock_code"], row["short_name"], row["industry"]) == ("929000", "测试0", "汽车制造业")
        assert str(row["listed_on"]) == "2021-11-15" and row["province"] == "江苏省"
        assert [r.method for r in replica.asked] == ["GET", *["POST"] * 7]


def test_bare_rows_are_believed_only_where_their_anchors_fit(landing_on):
    with serve(Bse(bare=48)) as replica:
        landing = landing_on(SOURCE, replica)
        assert landing.land(SOURCE).tables == {"listed": 130}
        replica.bare = 49
        account = landing.land(SOURCE)
        assert account.outcome == "rejected" and "49 columns" in account.message
        replica.bare, replica.shifted = 48, True
        account = landing.land(SOURCE)
        assert account.outcome == "rejected" and "column 38" in account.message
        assert account.tables == {"listed": 130}


def test_a_list_that_grows_is_asked_again_and_a_short_page_is_refused(landing_on):
    with serve(Bse(grows_at=3)) as replica:
        landing = landing_on(SOURCE, replica)
        assert landing.land(SOURCE).tables == {"listed": 131}
        replica.silent_cap = True
        account = landing.land(SOURCE)
        assert account.outcome == "blocked" and "the exchange counts 131" in account.message


def test_without_its_session_it_is_no_list(landing_on, monkeypatch):
    monkeypatch.setattr(sys.modules["sources.bse.fetch"], "START", "https://www.bse.cn/other.html")
    with serve(Bse()) as replica:
        account = landing_on(SOURCE, replica).land(SOURCE)
        assert account.outcome == "failed" and account.health == "gone"
