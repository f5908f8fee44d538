"""The Shenzhen Stock Exchange's connector against its replica: fetch, parse and land."""

from __future__ import annotations

import polars as pl

from sources.szse import SOURCE
from tests.replicas.base import Reply, serve
from tests.replicas.szse import HEADER, Szse


def test_lands_both_lists(landing_on):
    with serve(Szse()) as replica:
        landing = landing_on(SOURCE, replica)
        account = landing.land(SOURCE)
        assert (account.outcome, account.health, account.message) == ("landed", "ok", "")
        assert account.tables == {"listed": 2_400, "name_changes": 1_100}
        assert account.records_in == account.accepted == 3_500
        listed = pl.read_parquet(landing.table_path(SOURCE, "listed", "all"))
        byd = listed.row(by_predicate=pl.col("stock_code") == "002594", named=True)
        assert (
            byd["name_zh"] == "比亚迪股份有限公司" and byd["city"] == "深圳市" and byd["province"] == "广东"
        )
        assert str(byd["listed_on"]) == "2011-06-30" and byd["total_shares"] == 2_911_142_855
        assert byd["b_stock_code"] is None and byd["status"] == "listed"
        changes = pl.read_parquet(landing.table_path(SOURCE, "name_changes", "all"))
        assert changes.row(0, named=True)["name_before"] == "老名字0股份有限公司"
        assert all("Referer".lower() in r.headers for r in replica.asked)


def test_second_look_costs_no_bytes(landing_on):
    """The list is asked for with its ETag; a 304 leaves one snapshot, and the books say unchanged."""
    with serve(Szse()) as replica:
        landing = landing_on(SOURCE, replica)
        landing.land(SOURCE)
        again = landing.land(SOURCE)
        assert again.outcome == "unchanged"
        assert len(list(landing.store.entries("szse"))) == 1
        assert replica.asked[-1].headers["if-none-match"]


def test_a_lost_column_keeps_the_last_good_snapshot(landing_on):
    with serve(Szse()) as replica:
        landing = landing_on(SOURCE, replica)
        landing.land(SOURCE)
        before = landing.table_path(SOURCE, "listed", "all").read_bytes()
        replica.header = [name if name != "公司全称" else "机构名称" for name in HEADER]
        replica.cache.clear()
        replica.listed = 2_401
        account = landing.land(SOURCE)
        assert (account.outcome, account.health) == ("rejected", "schema_changed")
        assert "公司全称" in account.message
        assert landing.table_path(SOURCE, "listed", "all").read_bytes() == before


def test_a_new_column_is_a_note_and_not_stored(landing_on):
    with serve(Szse()) as replica:
        replica.header = [*HEADER[:-1], "新增列"]
        landing = landing_on(SOURCE, replica)
        account = landing.land(SOURCE)
        assert account.outcome == "landed"
        assert any("新增列" in detail for _, detail in account.notes)
        assert "新增列" not in pl.read_parquet(landing.table_path(SOURCE, "listed", "all")).columns


def test_a_short_list_is_blocked(landing_on):
    """Half of the market cannot have left over night."""
    with serve(Szse()) as replica:
        landing = landing_on(SOURCE, replica)
        landing.land(SOURCE)
        replica.listed = 900
        account = landing.land(SOURCE)
        assert account.outcome == "blocked" and account.tables["listed"] == 2_400
        assert pl.read_parquet(landing.table_path(SOURCE, "listed", "all")).height == 2_400


def test_html_instead_of_a_workbook(landing_on):
    with serve(
        Szse(faults=[Reply(b"<html><body>maintenance</body></html>", headers={"Content-Type": "text/csv"})])
    ) as r:
        account = landing_on(SOURCE, r).land(SOURCE)
        assert account.outcome == "rejected" and "wrong_type" in account.message


def test_throttled_then_served(landing_on):
    with serve(Szse(faults=[Reply(b"", 429, {"Retry-After": "1"}), None, Reply(b"", 503)])) as replica:
        account = landing_on(SOURCE, replica).land(SOURCE)
        assert account.outcome == "landed"
        assert replica.asked[1].at - replica.asked[0].at >= 1.0
