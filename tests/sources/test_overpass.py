"""Overpass's connector against its replica: fetch, parse and land, province by province."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from ingest.declaration import ParseContext
from ingest.home import SEEDS
from ingest.store.landing import page_of
from orchestration.partitions import PROVINCES, partitions_of
from sources.overpass import SOURCE
from sources.overpass.fetch import ISO, question
from sources.overpass.parse import parse
from tests.conftest import DATA
from tests.replicas.base import Reply, serve
from tests.replicas.overpass import Overpass, site

OUT_OF_TIME = 'runtime error: Query timed out in "query" at line 1 after 121 seconds.'


def test_every_province_has_its_area():
    assert sorted(ISO) == sorted(PROVINCES) == sorted(partitions_of(SOURCE).get_partition_keys())
    assert len(set(ISO.values())) == 31
    assert 'area["ISO3166-2"="CN-GD"]' in question("440000") and question("440000").endswith("out center tags;")


def test_lands_a_province_in_a_table_of_its_own(landing_on, home):
    with serve(Overpass()) as replica:
        landing = landing_on(SOURCE, replica)
        account = landing.land(SOURCE, "440000")
        assert (account.outcome, account.tables, account.message) == ("landed", {"plant_sites": 3}, "")
        sites = pl.read_parquet(landing.table_path(SOURCE, "plant_sites", "440000"))
        way = sites.row(by_predicate=pl.col("record_id") == "way/13800000001", named=True)
        assert (way["longitude"], way["latitude"], way["coordinate_system"]) == (114.35, pytest.approx(22.7), "WGS 84")
        assert way["name_en"] == "Test car plant 1" and way["osm_base"] == "2026-11-20T00:00:00Z"
        assert sites.row(by_predicate=pl.col("osm_type") == "node", named=True)["longitude"] == 113.3
        kept = b"".join(p.read_bytes() for p in home.root.rglob("*") if p.is_file())
        assert b"canary@" not in kept and b"138 0013" not in kept
        assert b"13800000001" in kept, "the number of an element is no telephone"


def test_a_province_without_sites_is_empty_and_a_missing_area_is_none(landing_on):
    with serve(Overpass()) as replica:
        landing = landing_on(SOURCE, replica)
        assert landing.land(SOURCE, "540000").tables == {"plant_sites": 0}
        replica.areas = False
        account = landing.land(SOURCE, "440000")
        assert account.outcome == "rejected" and "no area with ISO3166-2=CN-GD" in account.message


@pytest.mark.parametrize("fault", ["remark", "busy", "empty"])
def test_a_failure_of_status_200_keeps_what_stands(landing_on, fault):
    with serve(Overpass()) as replica:
        landing = landing_on(SOURCE, replica)
        landing.land(SOURCE, "440000")
        replica.remark = OUT_OF_TIME if fault == "remark" else ""
        replica.busy = fault == "busy"
        if fault == "empty":
            replica.sites = {}
        account = landing.land(SOURCE, "440000")
        assert (account.outcome, account.health) == ("failed", "empty" if fault == "empty" else "unreachable")
        assert account.tables == {"plant_sites": 3}


def test_slots_are_waited_for_and_a_gateway_that_gives_up_is_a_state(landing_on):
    with serve(Overpass(faults=[Reply(b"", 429, {"Retry-After": "1"}), Reply(b"", 504)])) as replica:
        landing = landing_on(SOURCE, replica)
        assert landing.land(SOURCE, "440000").outcome == "landed" and len(replica.asked) == 3
        replica.faults += [Reply(b"", 504)] * 3
        account = landing.land(SOURCE, "440000")
        assert (account.outcome, account.health) == ("failed", "unreachable") and len(replica.asked) == 6


def test_half_a_minute_between_two_questions_in_production(landing_on):
    """The public instance is asked twice a minute at most; only a test sets its own gap."""
    with serve(Overpass()) as replica:
        landing = landing_on(SOURCE, replica)
        landing.web.min_gap = None
        landing.land(SOURCE, "540000")
        assert landing.web.min_gap == 30.0


def test_a_province_that_answered_is_not_asked_again_this_month(landing_on):
    with serve(Overpass()) as replica:
        landing = landing_on(SOURCE, replica)
        landing.land(SOURCE, "440000")
        replica.busy = True
        landing.land(SOURCE, "540000")
        due = landing.partitions(SOURCE)
        assert len(due) == 30 and "440000" not in due and "540000" in due


def test_a_site_outside_china_is_held_back(landing_on):
    far = {**site(9), "center": {"lat": 48.1, "lon": 11.5}}
    with serve(Overpass(sites={"CN-GD": [site(1), far]})) as replica:
        account = landing_on(SOURCE, replica).land(SOURCE, "440000")
        assert account.tables == {"plant_sites": 1} and account.reasons == {"bad_longitude": 1}


def test_the_recorded_answer_is_read():
    path = DATA / "samples" / "registries" / "overpass_out_center_tags_SYNTHETIC.json"
    found = parse([page_of(path, "2026-11-26")], ParseContext("440000", dt.date(2026, 11, 26), SEEDS))
    assert found.tables["plant_sites"].row(0, named=True)["name_en"] == "Test car plant"
