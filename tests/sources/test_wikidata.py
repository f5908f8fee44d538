"""Wikidata's connector against its replica: fetch, parse and land."""

from __future__ import annotations

import datetime as dt
import json
import sys

import polars as pl
import pytest

from ingest.declaration import ParseContext
from ingest.home import SEEDS
from ingest.store.landing import page_of
from sources.wikidata import SOURCE
from sources.wikidata.parse import parse, values
from tests.conftest import DATA
from tests.replicas.base import Reply, serve
from tests.replicas.wikidata import BYD, Wikidata, entity


def entities(landing) -> pl.DataFrame:
    return pl.read_parquet(landing.table_path(SOURCE, "entities", "all"))


def test_lands_firms_brands_and_groups(landing_on, monkeypatch):
    monkeypatch.setenv("EVATLAS_CONTACT", "https://atlas.example/contact")
    rows = [
        BYD,
        entity(1, classes="Q10429667"),
        entity(2, classes="Q778575", label_hans="某某集团"),
        entity(3, classes="Q10429667|Q786820"),
        entity(4, lei="3003EXAMPLEEV0000134", seats="Q1~甲~~|Q2~乙~~", dissolved="2019-05-01T00:00:00Z"),
        entity(5, classes="Q112865922", dissolved="1962-01-01T00:00:00Z"),
        entity(6, classes="Q10429667|Q112865922"),
        entity(7, classes="Q778575|Q112865922"),
        entity(8, inception="0202-01-01T00:00:00Z", dissolved="9940-01-01T00:00:00Z"),
        entity(9, inception="1900-01-01T00:00:00Z"),
        *(entity(i) for i in range(10, 60)),
    ]
    with serve(Wikidata(rows=rows)) as replica:
        landing = landing_on(SOURCE, replica)
        account = landing.land(SOURCE)
        assert (account.outcome, account.message) == ("landed", "")
        found = {row["record_id"]: row for row in entities(landing).iter_rows(named=True)}
        byd = found["Q27423"]
        assert (byd["kind"], byd["lei"], byd["uscc"]) == ("firm", "3003EXAMPLEEV0000133", "91440300192317458F")
        assert byd["stock_codes"] == ["002594", "1211"] and byd["name_zh"] == "比亚迪股份有限公司"
        assert (byd["longitude"], byd["latitude"], byd["located_adcode"]) == (114.0596, 22.5428, "440300")
        assert (byd["founded_on"], byd["founded_year"]) == ("1995-02-01", 1995)
        assert [found[f"Q9000{i}"]["kind"] for i in range(1, 8)] == [
            "brand", "group", "firm", "firm", "firm", "firm", "firm"], "a historical car manufacturer is a maker"  # fmt: skip
        assert (found["Q90008"]["founded_year"], found["Q90008"]["dissolved_year"], found["Q90009"]["founded_year"]) == (None, None, 1900)
        assert "dissolved_on future 1" in dict(account.notes)["blanked"] and "founded_year too_early 1" in dict(account.notes)["blanked"]
        closed = found["Q90004"]
        # an LEI whose check digits are wrong is none; of two seats neither is the seat
        assert closed["lei"] is None and closed["hq_item"] is None and closed["dissolved_year"] == 2019
        assert found["Q900010"]["founded_on"] == "1997" and found["Q900010"]["located_adcode"] == "330200"
        agent = replica.asked[0].headers["user-agent"]
        assert "contact: https://atlas.example/contact" in agent and "requests" not in agent.lower().split("(")[0]


def test_the_order_of_joined_values_changes_nothing(landing_on):
    with serve(Wikidata()) as replica:
        landing = landing_on(SOURCE, replica)
        landing.land(SOURCE)
        before = entities(landing).drop("_fetched_at", "_snapshot_sha256")
        replica.shuffle = 5
        assert landing.land(SOURCE).outcome == "landed"
        assert entities(landing).drop("_fetched_at", "_snapshot_sha256").equals(before)
    assert values("b|a|b| ") == ["a", "b"]


@pytest.mark.parametrize("how", ["cut", "start"])
def test_out_of_time_with_status_200_is_a_failure(landing_on, how):
    with serve(Wikidata()) as replica:
        landing = landing_on(SOURCE, replica)
        landing.land(SOURCE)
        replica.timeout = how
        account = landing.land(SOURCE)
        assert (account.outcome, account.health) == ("failed", "unreachable") and "ran out of time" in account.message
        assert account.tables == {"entities": 61} and entities(landing).height == 61


def test_throttled_waits_as_told_and_a_long_wait_is_a_state(landing_on):
    with serve(Wikidata(faults=[Reply(b"slow down", 429, {"Retry-After": "1"})])) as replica:
        landing = landing_on(SOURCE, replica)
        assert landing.land(SOURCE).outcome == "landed"
        assert replica.asked[1].at - replica.asked[0].at >= 1.0
        replica.faults.append(Reply(b"banned", 429, {"Retry-After": "86400"}))
        account = landing.land(SOURCE)
        assert (account.outcome, account.health) == ("failed", "rate_limited") and len(replica.asked) == 3


def test_the_limit_of_the_question_is_no_answer(landing_on, monkeypatch):
    monkeypatch.setattr(sys.modules["sources.wikidata.fetch"], "LIMIT", 61)
    with serve(Wikidata()) as replica:
        account = landing_on(SOURCE, replica).land(SOURCE)
        assert account.outcome == "blocked" and "limit" in account.message


def test_the_recorded_answer_is_read():
    path = DATA / "samples" / "registries" / "wikidata_sparql_results_SYNTHETIC.json"
    found = parse([page_of(path, "2026-11-26")], ParseContext("all", dt.date(2026, 11, 26), SEEDS))
    assert found.tables["entities"].get_column("record_id").to_list() == ["Q27423"]
    assert json.loads(path.read_text())["head"]["vars"][0] == "item"
