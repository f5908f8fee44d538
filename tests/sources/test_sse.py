"""The Shanghai Stock Exchange's connector against its replica: fetch, parse and land."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import polars as pl
import pytest

from ingest.declaration import RejectFile
from ingest.web.listings import unwrapped
from ingest.web.scrubbing import scrub
from sources.sse import SOURCE
from tests.conftest import DATA
from tests.replicas.base import Reply, serve
from tests.replicas.sse import CANARY, Sse, listed_rows

SHAPES = Path(__file__).parents[1] / "data" / "live_shapes"


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
        asked = [r for r in replica.asked if "productid" in r.query]
        assert [r.path for r in asked] == ["/commonQuery.do"] * 2, "profiles have a servlet of their own"
        assert {r.path for r in replica.asked if r not in asked} == {"/sseQuery/commonQuery.do"}
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
    listed = (DATA / "samples" / "registries" / "sse_commonQuery_stock_list.json").read_bytes()
    assert next(r["FULL_NAME"] for r in unwrapped(listed, "list")["result"]) == "东风汽车股份有限公司"
    profile = (DATA / "samples" / "registries" / "sse_company_profile_COMMON_SSE_ZQPZ_GP_GPLB_C.json").read_bytes()
    kept = json.loads(scrub(profile, "application/json"))["result"][0]
    assert not {"LEGAL_REPRESENTATIVE", "E_MAIL_ADDRESS", "REPR_PHONE"} & set(kept) and kept["AREA_NAME_DESC"] == "浙江"


def test_html_instead_of_json(landing_on):
    with serve(Sse(faults=[Reply(b"<html><body>maintenance</body></html>")])) as replica:
        account = landing_on(SOURCE, replica).land(SOURCE)
        assert account.outcome == "rejected" and "wrong_type" in account.message
    with pytest.raises(RejectFile):
        unwrapped(b"not json", "x")


# -- profiles that do not come -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("result", [[], None, [{"COMPANY_CODE": "600000", "FULLNAME": "别的公司"}], [{"code": "600006"}]])
def test_profiles_that_are_all_empty_are_refused_by_name_and_cost_no_list(landing_on, result):
    with serve(Sse(lost={"*": result})) as replica:
        landing = landing_on(SOURCE, replica)
        account = landing.land(SOURCE)
        assert account.outcome == "landed" and account.tables == {"listed": 2_330, "delisted": 1, "profiles": 0}
        assert account.reasons == {"no_profile": 2} and account.records_in == account.accepted + 2
        said = dict(account.notes)["profiles_refused"]
        assert said.startswith("sse profiles: 2 of 2 profiles asked for did not come, 0 stand as last read; first 600006:"), said
        held = pl.read_parquet(landing.quarantine_path(SOURCE, "all"))
        assert held["page_key"].to_list() == ["profile-600006", "profile-600104"]


def test_the_last_good_profiles_stand_and_a_rebuild_says_the_same(landing_on):
    with serve(Sse()) as replica:
        landing = landing_on(SOURCE, replica)
        landing.land(SOURCE)
        path = landing.table_path(SOURCE, "profiles", "all")
        before = pl.read_parquet(path).drop("_snapshot_sha256", "_fetched_at")
        replica.lost = {"*": []}
        account = landing.land(SOURCE)
        assert account.outcome == "landed" and account.tables["profiles"] == 2 and account.quarantined == 0
        assert "2 stand as last read" in dict(account.notes)["profiles_refused"]
        assert pl.read_parquet(path).drop("_snapshot_sha256", "_fetched_at").equals(before)
        landed = path.read_bytes()
        for file in (path, landing.account_path(SOURCE, "all")):
            file.unlink()
        assert landing.rebuild(SOURCE)[0].tables["profiles"] == 2 and path.read_bytes() == landed, "from raw alone"
        replica.lost = {}
        assert not [code for code, _ in landing.land(SOURCE).notes if code.startswith("profiles")]


def test_one_profile_that_fails_costs_nothing_else(landing_on):
    extra = [{**listed_rows(3, "1")[2], "COMPANY_CODE": c, "A_STOCK_CODE": c, "FULL_NAME": f"测试{c}汽车制造股份有限公司"} for c in ("620001", "620002")]
    broken = Reply(b"<html><body>maintenance</body></html>", headers={"Content-Type": "text/html"})
    with serve(Sse(extra=extra, profile_faults=[None, broken])) as replica:
        account = landing_on(SOURCE, replica).land(SOURCE)
        assert account.outcome == "landed" and account.tables["profiles"] == 3 and account.reasons == {"no_profile": 1}
        assert "1 of 4 profiles asked for did not come" in dict(account.notes)["profiles"] and "wrong_type" in dict(account.notes)["profiles"]


def test_a_wall_before_the_profiles_is_asked_once_and_the_lists_land(landing_on):
    wall = Reply("<html><head></head><body>访问行为验证 请拖动滑块</body></html>".encode(), headers={"Content-Type": "text/html"})
    with serve(Sse(profile_faults=[wall, wall])) as replica:
        account = landing_on(SOURCE, replica).land(SOURCE)
        assert account.outcome == "landed" and account.tables["listed"] == 2_330 and account.tables["profiles"] == 0
        assert sum("productid" in r.query for r in replica.asked) == 1
        assert "challenged" in dict(account.notes)["profiles_refused"]


# -- listings that have ended ----------------------------------------------------------------------------------------------
def test_a_row_of_the_listed_whose_listing_has_ended_says_so(landing_on):
    """The public shape: the query of listed companies gives rows with state 3 and a date of delisting."""
    shape = json.loads((SHAPES / "sse_listed_terminated.json").read_text("utf-8"))["result"][0]
    made = listed_rows(1, "1")[0]
    assert set(shape) <= set(made) | {"FULL_NAME"}, "the replica's rows have the fields of the public shape"
    others = [
        {**made, "COMPANY_CODE": "620001", "A_STOCK_CODE": "620001", "DELIST_DATE": "20990105"},
        {**made, "COMPANY_CODE": "620002", "A_STOCK_CODE": "620002", "DELIST_DATE": "2024-01-05"},
        {**made, "COMPANY_CODE": "620003", "A_STOCK_CODE": "620003", "STATE_CODE": "3"},
        {**made, "COMPANY_CODE": "620004", "A_STOCK_CODE": "620004", "LIST_DATE": "19000101"},
    ]
    with serve(Sse(extra=[shape, *others])) as replica:
        landing = landing_on(SOURCE, replica)
        account = landing.land(SOURCE)
        found = {row["record_id"]: row for row in pl.read_parquet(landing.table_path(SOURCE, "listed", "all")).iter_rows(named=True)}
        codes = ("600999", "620001", "620002", "620003", "620004", "600006")
        assert [found[c]["status"] for c in codes] == ["delisted", "listed", "delisted", "delisted", "listed", "listed"]
        assert str(found["600999"]["delisted_on"]) == "2024-01-05" and found["600006"]["delisted_on"] is None
        assert found["620004"]["listed_on"] is None and "listed_on placeholder 1" in dict(account.notes)["blanked"]
