"""The Shanghai Stock Exchange's connector against its replica: fetch, parse and land."""

from __future__ import annotations

import json
import sys

import polars as pl
import pytest

from sources.base import RejectFile
from sources.http import scrub
from sources.listings import unwrapped
from sources.sse import SOURCE
from tests.conftest import shared_path
from tests.replicas.base import Reply, serve
from tests.replicas.sse import CANARY, Sse


def everything_kept(home) -> bytes:
    return b"\n".join(p.read_bytes() for p in home.root.rglob("*") if p.is_file())


def test_lands_lists_and_profiles_of_the_sector(landing_on, home):
    with serve(Sse()) as replica:
        landing = landing_on(SOURCE, replica)
        account = landing.land(SOURCE)
        assert (account.outcome, account.health, account.message) == ("landed", "ok", "")
        assert account.tables == {"listed": 1_700 + 40 + 590, "delisted": 1, "profiles": 2}
        assert account.records_in == account.accepted and account.quarantined == 0
        assert not any(code == "not_stored" for code, _ in account.notes), account.notes
        listed = pl.read_parquet(landing.table_path(SOURCE, "listed", "all"))
        row = listed.row(by_predicate=pl.col("stock_code") == "600104", named=True)
        assert row["name_zh"] == "上海汽车集团股份有限公司" and str(row["listed_on"]) == "1997-11-25" and row["in_sector"]
        assert listed.filter(board="STAR").height == 590
        both = listed.filter(board="main board B").row(0, named=True)
        assert both["record_id"].startswith("900") and both["stock_code"] == both["company_code"]
        profile = pl.read_parquet(landing.table_path(SOURCE, "profiles", "all")).row(0, named=True)
        assert profile["industry_division"] == "汽车制造业" and profile["located_adcode"] == "420100"
        # two of 2,330 companies say in their name that they make vehicles: two profiles, not 2,330
        assert sum("productid" in r.query for r in replica.asked) == 2
        assert all("sse.com.cn" in r.headers["referer"] for r in replica.asked)
        kept = everything_kept(home)
        assert CANARY.encode() not in kept and b"canary@" not in kept and b"84287788" not in kept


def test_a_person_hides_in_no_callback(landing_on, home):
    """The same answers as JSONP: understood, and scrubbed field by field inside the call."""
    with serve(Sse(callback="jsonpCallback4711")) as replica:
        account = landing_on(SOURCE, replica).land(SOURCE)
        assert account.outcome == "landed" and account.tables["profiles"] == 2
        kept = everything_kept(home)
        assert CANARY.encode() not in kept and b"canary@" not in kept
        assert b"jsonpCallback4711(" in kept
    body = scrub(b'cb({"LEGAL_REPRESENTATIVE":"x","NAME":"y"});', "text/javascript")
    assert unwrapped(body, "cb") == {"NAME": "y"} and body.startswith(b"cb(") and body.endswith(b");")


def test_refused_without_its_referer(landing_on, monkeypatch):
    monkeypatch.setattr(sys.modules["sources.sse.fetch"], "REFERER", {})
    with serve(Sse()) as replica:
        account = landing_on(SOURCE, replica).land(SOURCE)
        assert (account.outcome, account.tables) == ("failed", {}) and "forbidden" in account.message


def test_a_cap_on_the_page_loses_nothing(landing_on):
    with serve(Sse(cap=500)) as replica:
        account = landing_on(SOURCE, replica).land(SOURCE)
        assert account.outcome == "landed" and account.tables["listed"] == 2_330
        assert {r.query["pageHelp.pageNo"] for r in replica.asked if r.query.get("STOCK_TYPE") == "1"} == {"1", "2", "3", "4"}


def test_a_list_that_grows_between_pages_is_asked_again(landing_on):
    with serve(Sse(cap=900, grows_after=1)) as replica:
        landing = landing_on(SOURCE, replica)
        assert landing.land(SOURCE).tables["listed"] == 2_333
        replica.grows_after = -1
        account = landing.land(SOURCE)
        assert account.outcome == "blocked" and "changed between its pages" in account.message
        assert account.tables["listed"] == 2_333


def test_a_lost_field_and_an_empty_list_keep_the_last_good_snapshot(landing_on):
    with serve(Sse()) as replica:
        landing = landing_on(SOURCE, replica)
        landing.land(SOURCE)
        before = landing.table_path(SOURCE, "listed", "all").read_bytes()
        replica.drop = "FULL_NAME"
        account = landing.land(SOURCE)
        assert (account.outcome, account.health) == ("rejected", "schema_changed") and "FULL_NAME" in account.message
        replica.drop = ""
        replica.counts = {"1": 0, "2": 0, "8": 0}
        account = landing.land(SOURCE)
        assert account.outcome == "blocked" and account.tables["listed"] == 2_330
        assert landing.table_path(SOURCE, "listed", "all").read_bytes() == before


def test_the_recorded_answers_are_read():
    """The answers true to format: a list, and a profile with its person fields."""
    listed = shared_path("samples", "registries", "sse_commonQuery_stock_list.json").read_bytes()
    assert [r["FULL_NAME"] for r in unwrapped(listed, "list")["result"]][0] == "东风汽车股份有限公司"
    profile = shared_path("samples", "registries", "sse_company_profile_COMMON_SSE_ZQPZ_GP_GPLB_C.json").read_bytes()
    kept = json.loads(scrub(profile, "application/json"))["result"][0]
    assert not {"LEGAL_REPRESENTATIVE", "E_MAIL_ADDRESS", "REPR_PHONE"} & set(kept) and kept["AREA_NAME_DESC"] == "浙江"


def test_html_instead_of_json(landing_on):
    with serve(Sse(faults=[Reply(b"<html><body>maintenance</body></html>")])) as replica:
        account = landing_on(SOURCE, replica).land(SOURCE)
        assert account.outcome == "rejected" and "wrong_type" in account.message
    with pytest.raises(RejectFile):
        unwrapped(b"not json", "x")
