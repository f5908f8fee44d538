"""The GLEIF connector against its replica: the API by cursor, the golden copy, deltas, and what must be refused."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from pathlib import Path

import polars as pl
import pytest

from ingest.declaration import Page, ParseContext, Parsed
from ingest.home import SEEDS
from sources.gleif import SOURCE, bulk
from sources.gleif.columns import RR_KEPT, flat
from sources.gleif.parse import names, parse
from tests.conftest import DATA
from tests.replicas.base import Reply
from tests.replicas.gleif import (
    HEADER,
    RR_HEADER,
    World,
    abroad,
    entity,
    lei_of,
    period,
    relationship,
    serve_world,
    uscc_of,
    zipped,
)  # fmt: skip

SHAPES = Path(__file__).parents[1] / "data" / "live_shapes"

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
        assert first["address"] == '"A"座 二层, 广东省深圳市南山区测试路30号', "the street stands in the second line"
        assert found["in_sector"].sum() == N // 10
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
    page = json.loads((DATA / "samples" / "registries" / "gleif_lei_records_page_CN_SYNTHETIC.json").read_text("utf-8"))
    file = pl.read_csv(DATA / "samples" / "registries" / "gleif_goldencopy_lei2_subset_SYNTHETIC.csv", infer_schema=False)
    api, golden = flat(page["data"][0]), file.row(0, named=True)
    assert {k: v for k, v in golden.items() if api.get(k) != v} == {}
    assert names(golden) == {"name_zh": "测试新能源汽车股份有限公司", "name_en": "TEST NEV CO., LTD.", "former_names": None}


# -- relationships -----------------------------------------------------------------------------------------------------
def parsed(*pages: tuple[str, str], partition: str = "2026-06-12-delta") -> Parsed:
    """What `parse` makes of pages (key, text)."""
    at = dt.datetime(2026, 6, 12, tzinfo=dt.UTC)
    made = [Page(url=key, body=text.encode(), fetched_at=at, key=key) for key, text in pages]
    return parse(made, ParseContext(partition, dt.date(2030, 1, 1), SEEDS))


def as_csv(header, rows) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, header, extrasaction="ignore", restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def test_the_public_shape_of_a_relationship_file(tmp_path):
    """The first period is the accounts', the second the relationship's: kept whole, and read as what each says it is."""
    text = (SHAPES / "gleif_rr_two_periods.csv").read_text("utf-8")
    shape = next(csv.DictReader(io.StringIO(text)))
    assert set(shape) <= set(RR_HEADER), "the replica speaks the same columns"
    made = relationship("X", "Y")
    assert [made[f"Relationship.Period.{n}.periodType"] for n in (1, 2)] == [
        shape[f"Relationship.Period.{n}.periodType"] for n in (1, 2)], "and states its periods in the same order"  # fmt: skip
    rows = list(csv.DictReader(io.StringIO(text)))
    archive = tmp_path / "rr.zip"
    archive.write_bytes(zipped("rr.csv", list(shape), rows))
    kept, total = bulk.parents(archive, {r["Relationship.StartNode.NodeID"] for r in rows}, "rr.csv")
    assert total == kept.height == 2
    for stem in ("startDate", "endDate", "periodType"):
        for n in (1, 2):
            assert kept[f"Relationship.Period.{n}.{stem}"].fill_null("").to_list() == [r[f"Relationship.Period.{n}.{stem}"] for r in rows]
    assert {f"Relationship.Period.5.{stem}" for stem in ("startDate", "endDate", "periodType")} <= set(RR_KEPT)
    found = parsed(("rr-full-x.csv", kept.write_csv())).tables["parents"]
    assert found["started_on"].to_list() == [dt.date(2009, 5, 20)] * 2 and found["ended_on"].to_list() == [None, None]
    assert sorted(found["registration_status"]) == ["LAPSED", "PUBLISHED"], "a lapsed record lands, and says so"
    assert not any("20" in "".join(i.split("|")[3:]) for i in found["record_id"]), "no date in the identity"


def test_a_new_accounting_year_is_the_same_relationship():
    def read(year: int, **more: str) -> pl.DataFrame:
        rows = [relationship(lei_of(1), lei_of(2), **period(1, "ACCOUNTING_PERIOD", f"{year}-01-01T00:00:00Z", f"{year}-12-31T00:00:00Z"), **more)]
        return parsed(("rr-x.csv", as_csv(RR_HEADER, rows))).tables["parents"]

    assert read(2024).equals(read(2025)), "the accounts move, the relationship does not"
    # three periods in another order, two of them the relationship's: the one that began last
    several = {**period(2, "DOCUMENT_FILING_PERIOD", "2020-01-01T00:00:00Z"),
               **period(3, "RELATIONSHIP_PERIOD", "2011-02-03T00:00:00Z", "2014-05-06T00:00:00Z"),
               **period(4, "RELATIONSHIP_PERIOD", "2016-07-08T00:00:00Z", "2019-09-10T00:00:00Z")}  # fmt: skip
    row = read(2024, **several).row(0, named=True)
    assert (row["started_on"], row["ended_on"], row["blanked"]) == (dt.date(2016, 7, 8), dt.date(2019, 9, 10), None)
    only_accounts = read(2024, **period(2, "", "")).row(0, named=True)
    assert (only_accounts["started_on"], only_accounts["ended_on"]) == (None, None)


def test_of_two_records_of_one_relationship_the_renewed_one_is_taken_in_any_order():
    lapsed = relationship(lei_of(1), lei_of(2), **{"Registration.RegistrationStatus": "LAPSED", "Registration.LastUpdateDate": "2026-05-01T00:00:00Z"})
    renewed = relationship(lei_of(1), lei_of(2), **{"Registration.LastUpdateDate": "2026-01-01T00:00:00Z"})
    ended = relationship(lei_of(1), lei_of(2), **{"Relationship.RelationshipStatus": "INACTIVE"})
    for rows in ([lapsed, renewed, ended], [ended, renewed, lapsed]):
        made = parsed(("rr-x.csv", as_csv(RR_HEADER, rows)))
        found = made.tables["parents"].sort("record_id")
        assert found["registration_status"].to_list() == ["PUBLISHED", "PUBLISHED"] and found["relationship_status"].to_list() == ["ACTIVE", "INACTIVE"]
        assert made.quarantine["reason"].to_list() == ["conflicting"] and made.records_in == 3 == made.accepted + 1


def test_raw_of_the_old_form_is_read_and_says_what_it_lacks():
    """Kept files of before have the first period's start alone, without its kind, and one line of the address."""
    old_rr = ["Relationship.StartNode.NodeID", "Relationship.EndNode.NodeID", "Relationship.RelationshipType", "Relationship.RelationshipStatus",
              "Registration.RegistrationStatus", "Registration.LastUpdateDate", "Relationship.Period.1.startDate", "Registration.ValidationSources"]  # fmt: skip
    old_lei2 = [c for c in HEADER if "AdditionalAddressLine" not in c]
    made = parsed(("lei2-x.csv", as_csv(old_lei2, [entity(1)])), ("rr-x.csv", as_csv(old_rr, [relationship(lei_of(1), lei_of(2))])))
    row = made.tables["parents"].row(0, named=True)
    assert row["started_on"] is None and row["ended_on"] is None, "the accounts' year is nobody's beginning"
    assert made.tables["entities"]["address"].to_list() == ['"A"座 二层,']
    said = [detail for code, detail in made.notes if code == "old_form"]
    assert len(said) == 2 and all("2026-06-12-delta is fetched anew" in detail for detail in said)
    assert "1 relationship records" in said[0] and "1 entities" in said[1]


def test_a_file_without_kinds_of_periods_is_not_the_one_we_know(landing_on, world):
    world.rr_header = [c for c in RR_HEADER if not c.endswith(".periodType")]
    with serve_world(world):
        account = landing_on(SOURCE, world.api, world.golden).land(SOURCE, "2026-06-12-full")
        assert account.outcome == "rejected" and "Relationship.Period.1.periodType has gone" in account.message


# -- addresses and dates -------------------------------------------------------------------------------------------------
def test_all_lines_of_an_address_by_every_way_and_no_telephone_in_any():
    lines = ["A座3层", "张江路88号 联系电话 13812345678", "浦东新区", "近地铁站"]
    fields = ("FirstAddressLine", "AdditionalAddressLine.1", "AdditionalAddressLine.2", "AdditionalAddressLine.3")
    record = entity(1, **{f"Entity.LegalAddress.{f}": line for f, line in zip(fields, lines, strict=True)})
    by_file = parsed(("lei2-x.csv", as_csv(HEADER, [record]))).tables["entities"]["address"].item()
    assert by_file.startswith("A座3层 张江路88号") and by_file.endswith("浦东新区 近地铁站") and "13812345678" not in by_file
    api = {"attributes": {"lei": lei_of(1), "entity": {"legalName": {"name": "甲"}, "legalAddress": {"addressLines": [*lines, "五"]}}, "registration": {}}}
    assert [flat(api)[f"Entity.LegalAddress.{f}"] for f in fields] == [*lines[:3], "近地铁站 五"]


def test_a_bad_optional_date_blanks_the_date_and_never_the_firm():
    """What the register was seen to hold: sentinels, years of three digits or of a far future, days that do not exist."""
    dates = {1: "1900-01-01T00:00:00Z", 2: "0202-03-04T00:00:00Z", 3: "9940-01-01T00:00:00Z", 4: "2015-02-30T00:00:00Z",
             5: "soon", 6: "2015-03-02T00:00:00Z", 7: "2026-06-13T00:00:00+08:00"}  # fmt: skip
    made_of = [entity(n, **{"Entity.EntityCreationDate": value}) for n, value in dates.items()]
    made_of.append(entity(8, **{"Registration.NextRenewalDate": "9999-12-31T00:00:00Z"}))
    links = [relationship(lei_of(1), lei_of(2), **period(2, "RELATIONSHIP_PERIOD", "1900-01-01T00:00:00Z", "9999-12-31T00:00:00Z"))]
    made = parsed(("lei2-x.csv", as_csv(HEADER, made_of)), ("rr-x.csv", as_csv(RR_HEADER, links)))
    assert made.quarantine.is_empty() and made.accepted == made.records_in == 9
    found = {row["lei"]: row for row in made.tables["entities"].iter_rows(named=True)}
    assert [found[lei_of(n)]["created_on"] for n in range(1, 8)] == [None] * 5 + [dt.date(2015, 3, 2), dt.date(2026, 6, 13)]
    assert [found[lei_of(n)]["blanked"] for n in (1, 2, 3, 4, 5, 6)] == [
        "created_on: placeholder 1900-01-01", "created_on: too_early 0202-03-04", "created_on: future 9940-01-01",
        "created_on: impossible 2015-02-30", "created_on: no_day", None]  # fmt: skip
    assert found[lei_of(8)]["renewal_on"] is None and found[lei_of(8)]["created_on"] is not None
    notes = dict(detail.split(": values left out, their records kept: ") for code, detail in made.notes if code == "blanked")
    assert notes["entities"] == ("created_on future 1, created_on impossible 1, created_on no_day 1, created_on placeholder 1, "
                                 "created_on too_early 1, renewal_on future 1")  # fmt: skip
    assert notes["parents"] == "ended_on future 1, started_on placeholder 1"
