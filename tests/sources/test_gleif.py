"""The GLEIF connector against its replica: the API by cursor, the golden copy, deltas, and what must be refused."""

from __future__ import annotations

import datetime as dt
import json

import polars as pl
import pytest

from sources.gleif import SOURCE, bulk
from sources.gleif.columns import flat
from sources.gleif.parse import names
from tests.conftest import shared_path
from tests.replicas.base import Reply
from tests.replicas.gleif import HEADER, World, abroad, entity, lei_of, relationship, serve_world, uscc_of, zipped

N = 1_100
PERSON = entity(9_001, **{"Entity.EntityCategory": "SOLE_PROPRIETOR", "Entity.LegalName": "测试某某"})
MUNICH = lei_of(1, "ABROAD")


@pytest.fixture(scope="module")
def base() -> list[dict[str, str]]:
    return [*(entity(n) for n in range(N)), abroad(1, "Test Motoren AG"), abroad(2, "Elsewhere GmbH"), PERSON]


@pytest.fixture
def world(base) -> World:
    """Three publications: one with everything, and two later ones that change a little."""
    made = World()
    made.publish("2026-06-12T00:00", base, [
        relationship(lei_of(10), MUNICH),
        relationship(lei_of(10), MUNICH, "IS_DIRECTLY_CONSOLIDATED_BY"),
        relationship(lei_of(20), lei_of(30), **{"Registration.RegistrationStatus": "LAPSED"}),
        relationship(lei_of(40), lei_of(30)),
        relationship(lei_of(40), lei_of(30), "IS_FUND-MANAGED_BY"),
        relationship(lei_of(2, "ABROAD"), MUNICH),
    ])  # fmt: skip
    made.publish("2026-06-13T00:00", [
        entity(5, **{"Entity.EntityStatus": "INACTIVE", "Registration.LastUpdateDate": "2026-06-12T09:00:00Z"}),
        entity(6, **{"Entity.LegalAddress.Country": "SG", "Registration.LastUpdateDate": "2026-06-12T09:00:00Z"}),
        entity(N), abroad(3, "Newcomer SE"),
    ], [relationship(lei_of(40), lei_of(30), **{"Relationship.RelationshipStatus": "INACTIVE"}),
        relationship(lei_of(N), lei_of(3, "ABROAD"))])  # fmt: skip
    made.publish("2026-06-13T08:00", [entity(N + 1)])
    return made


def rows(landing, table: str, partition: str) -> pl.DataFrame:
    return pl.read_parquet(landing.table_path(SOURCE, table, partition))


def test_golden_copy_is_the_bootstrap(landing_on, world):
    with serve_world(world):
        landing = landing_on(SOURCE, world.api, world.golden)
        account = landing.land(SOURCE, "2026-06-12-full")
        assert (account.outcome, account.health, account.message) == ("landed", "ok", "")
        assert account.tables == {"entities": N + 1, "parents": 4} and account.quarantined == 0
        found = rows(landing, "entities", "2026-06-12-full")
        first = found.row(by_predicate=pl.col("lei") == lei_of(30), named=True)
        assert first["name_zh"] == "测试30新能源汽车制造有限公司" and first["name_en"] == "Test 30 Co., Ltd."
        assert first["uscc"] == uscc_of(30) and first["located_adcode"] == "440300" and first["province"] == "广东省"
        assert first["in_sector"] and first["segments"][0]["segment"] == "oem" and first["created_on"] == dt.date(2015, 3, 2)
        assert "\n" not in first["address"] and found["in_sector"].sum() == N // 10
        # the parent abroad comes along with its name, the stranger and the person do not
        assert found.filter(pl.col("country") != "CN")["name_en"].to_list() == ["Test Motoren AG"]
        assert not found["name_zh"].is_in(["测试某某"]).any()
        assert b"\xe6\x9f\x90\xe6\x9f\x90" not in b"".join(p.body for p in landing.store.pages(landing.store.latest("gleif", "2026-06-12-full")))
        assert rows(landing, "parents", "2026-06-12-full")["relationship"].value_counts().height == 2
        assert not world.api.asked, "the file has all; the API is not asked"
        assert len(world.golden.asked) == 3


def test_api_by_cursor_gives_the_same_as_the_file(landing_on, world, home):
    world.api_at = dt.datetime(2026, 6, 12)
    with serve_world(world):
        landing = landing_on(SOURCE, world.api, world.golden)
        landing.land(SOURCE, "2026-06-12-full")
        account = landing.land(SOURCE, "2026-06-12-api")
        assert account.outcome == "landed", account.message
        plain = [c for c in SOURCE.table("entities").schema if c not in ("qcc",)]
        assert rows(landing, "entities", "2026-06-12-api").select(plain).equals(rows(landing, "entities", "2026-06-12-full").select(plain))
        assert rows(landing, "parents", "2026-06-12-api").drop("_partition", "_snapshot_sha256", "_fetched_at").equals(
            rows(landing, "parents", "2026-06-12-full").drop("_partition", "_snapshot_sha256", "_fetched_at"))  # fmt: skip
        pages = [r.query for r in world.api.asked if "filter[lei]" not in r.query]
        assert len(pages) == 6 and {q["page[size]"] for q in pages} == {"200"} and pages[0]["page[cursor]"] == "*"
        assert len({q["page[cursor]"] for q in pages}) == 6
        assert ["withheld", "1 sole proprietors, who are persons"] in account.notes


def test_delta_before_the_bootstrap_is_refused_and_applies_twice_without_harm(landing_on, world):
    with serve_world(world):
        landing = landing_on(SOURCE, world.api, world.golden)
        account = landing.land(SOURCE, "2026-06-13-delta")
        assert (account.outcome, account.health, account.tables) == ("failed", "never_run", {})
        assert "refused" in account.message and not world.golden.asked
        landing.land(SOURCE, "2026-06-12-full")
        account = landing.land(SOURCE, "2026-06-13-delta")
        assert account.outcome == "landed", account.message
        found = rows(landing, "entities", "2026-06-13-delta")
        # changed, moved abroad, new, and the new one's parent abroad, whose name the API gives
        assert sorted(found["lei"]) == sorted([lei_of(5), lei_of(6), lei_of(N), lei_of(3, "ABROAD")])
        assert [r.query["filter[lei]"] for r in world.api.asked] == [lei_of(3, "ABROAD")]
        assert sorted(rows(landing, "parents", "2026-06-13-delta")["relationship_status"]) == ["ACTIVE", "INACTIVE"]
        assert any("_lei2_LastDay" in r.path for r in world.golden.asked)
        assert "20260613-0000" in account.file, "the first publication of the date, whenever it is asked for"
        before = landing.table_path(SOURCE, "entities", "2026-06-13-delta").read_bytes()
        assert landing.land(SOURCE, "2026-06-13-delta").outcome == "unchanged"
        assert landing.table_path(SOURCE, "entities", "2026-06-13-delta").read_bytes() == before


def test_a_gap_takes_the_smallest_delta_that_spans_it_or_is_refused(landing_on, world):
    world.publish("2026-06-17T00:00", [entity(N + 2)])
    world.publish("2026-08-01T00:00", [entity(N + 3)])
    with serve_world(world):
        landing = landing_on(SOURCE, world.api, world.golden)
        assert landing.partitions(SOURCE) == ["2026-08-01-full"]
        landing.land(SOURCE, "2026-06-12-full")
        assert landing.land(SOURCE, "2026-06-17-delta").outcome == "landed"
        assert any("_lei2_LastWeek" in r.path for r in world.golden.asked)
        assert rows(landing, "entities", "2026-06-17-delta")["lei"].n_unique() == 6
        account = landing.land(SOURCE, "2026-08-01-delta")
        assert account.outcome == "failed" and "45 days old" in account.message
        assert landing.partitions(SOURCE) == ["2026-08-01-full"]
        del world.states[dt.datetime(2026, 8, 1)]
        world.publish("2026-06-18T00:00", [entity(N + 4)])
        assert landing.partitions(SOURCE) == ["2026-06-18-delta"]
        landing.land(SOURCE, "2026-06-18-delta")
        assert landing.partitions(SOURCE) == []
        assert landing.land(SOURCE, "2026-05-01-full").health == "gone"
        assert landing.land(SOURCE, "yesterday").health == "never_run"


def test_a_new_publication_between_pages_starts_anew(landing_on, world):
    """The pages before belong to another state: none of them is kept."""
    world.api_at, world.turn_after, world.turn_to = dt.datetime(2026, 6, 13), 5, dt.datetime(2026, 6, 13, 8)
    with serve_world(world):
        landing = landing_on(SOURCE, world.api, world.golden)
        account = landing.land(SOURCE, "2026-06-13-api")
        assert account.outcome == "landed", account.message
        entities = rows(landing, "entities", "2026-06-13-api").filter(pl.col("country") == "CN")
        assert entities.height == N + 1  # one left China, two came, one of them in the later publication
        assert [r.query["page[cursor]"] for r in world.api.asked if "filter[lei]" not in r.query].count("*") == 2
        account = landing.land(SOURCE, "2026-06-12-api")
        assert account.health == "gone" and "no history" in account.message


@pytest.mark.parametrize(("fault", "outcome", "words"), [
    ({"lose": 3}, "blocked", f"the publisher counts {N + 1}"),
    ({"loop": True}, "rejected", "paging"),
])  # fmt: skip
def test_paging_that_loses_or_loops_is_seen(landing_on, world, fault, outcome, words):
    world.api_at = dt.datetime(2026, 6, 12)
    for name, value in fault.items():
        setattr(world, name, value)
    with serve_world(world):
        account = landing_on(SOURCE, world.api, world.golden).land(SOURCE, "2026-06-12-api")
        assert account.outcome == outcome and words in account.message, account.message


@pytest.mark.parametrize(("fault", "outcome", "words"), [
    ({"bomb": True}, "rejected", "zip_bomb"),
    ({"short": 40}, "blocked", "bytes, the publisher states"),
    ({"miscount": 7}, "blocked", f"records, the publisher counts {N + 10}"),
    ({"header": ["LEI", "Entity.LegalName"]}, "rejected", "schema_changed"),
])  # fmt: skip
def test_files_that_are_not_what_they_should_be(landing_on, world, fault, outcome, words):
    for name, value in fault.items():
        setattr(world, name, value)
    with serve_world(world):
        landing = landing_on(SOURCE, world.api, world.golden)
        account = landing.land(SOURCE, "2026-06-12-full")
        assert account.outcome == outcome and words in account.message, account.message
        assert not list(landing.home.root.glob("tmp/*")), "nothing stays behind"


def test_a_file_is_cut_between_records_only(tmp_path):
    """Blocks of any size give the same records: quoted line breaks, quotes and commas are no ends."""
    made = [entity(n) for n in range(40)]
    archive = tmp_path / "a.zip"
    archive.write_bytes(zipped("a.csv", HEADER, made))
    for size in (200, 333, 1_000, 5_000, 1_000_000):
        pieces = list(bulk.blocks(archive, "a.csv", size))
        read = pl.concat([pl.read_csv(piece, infer_schema=False) for piece in pieces])
        assert read["LEI"].to_list() == [r["LEI"] for r in made]
        assert read["Entity.LegalAddress.FirstAddressLine"][39] == made[39]["Entity.LegalAddress.FirstAddressLine"]
        assert (len(pieces) > 5) == (size < 2_000)


def test_too_few_entities_block_and_a_bad_record_is_held_back(landing_on):
    world = World()
    world.publish("2026-06-12T00:00", [entity(n) for n in range(300)])
    broken = entity(7, **{"LEI": "TEST00000000000007XX"})
    nameless = entity(8, **{"Entity.LegalName": "", "Entity.OtherEntityNames.OtherEntityName.1": ""})
    wrong = entity(9, **{"Entity.RegistrationAuthority.RegistrationAuthorityEntityID": "91440300T00000009X"})
    world.publish("2026-06-13T00:00", [*(entity(n) for n in range(300, 1_400)), broken, nameless, wrong])
    with serve_world(world):
        landing = landing_on(SOURCE, world.api, world.golden)
        assert landing.land(SOURCE, "2026-06-12-full").reasons == {"volume": 1}
        account = landing.land(SOURCE, "2026-06-13-full")
        assert account.outcome == "landed" and account.reasons == {"bad_lei": 1, "missing_name": 1}
        assert account.records_in == account.accepted + account.quarantined == 1_401
        row = rows(landing, "entities", "2026-06-13-full").row(by_predicate=pl.col("lei") == lei_of(9), named=True)
        assert row["uscc"] is None and row["registered_as"] == "91440300T00000009X"
        world.states[dt.datetime(2026, 6, 14)] = {lei_of(n): entity(n) for n in range(1_050)}
        world.links[dt.datetime(2026, 6, 14)] = []
        account = landing.land(SOURCE, "2026-06-14-full")
        assert account.outcome == "blocked" and "1399 stood on 2026-06-13" in account.message


def test_throttled_then_served_and_a_challenge_stops(landing_on, world):
    world.golden.faults = [Reply(b"", 429, {"Retry-After": "1"}), None, Reply(b"", 503)]
    with serve_world(world):
        landing = landing_on(SOURCE, world.api, world.golden)
        assert landing.land(SOURCE, "2026-06-12-full").outcome == "landed"
        assert world.golden.asked[1].at - world.golden.asked[0].at >= 1.0
        world.golden.faults = [Reply(b"<html><body>captcha</body></html>", headers={"Content-Type": "text/html"})]
        account = landing.land(SOURCE, "2026-06-12-full")
        assert (account.outcome, account.health, account.tables["entities"]) == ("failed", "challenged", N + 1)


def test_samples_true_to_the_format():
    """The shared samples of API and golden copy say the same of one entity."""
    page = json.loads(shared_path("samples", "registries", "gleif_lei_records_page_CN_SYNTHETIC.json").read_text("utf-8"))
    file = pl.read_csv(shared_path("samples", "registries", "gleif_goldencopy_lei2_subset_SYNTHETIC.csv"), infer_schema=False)
    api, golden = flat(page["data"][0]), file.row(0, named=True)
    assert {k: v for k, v in golden.items() if api.get(k) != v} == {}
    assert names(golden) == {"name_zh": "测试新能源汽车股份有限公司", "name_en": "TEST NEV CO., LTD.", "former_names": None}
