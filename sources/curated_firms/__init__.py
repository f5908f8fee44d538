"""Firms of the EV chain, collected by hand: names, places, founding years, listings, segments, with their support.

Belongs here: the declaration and the reading of `data/`. Does not belong here: who is who over sources (dbt).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import polars as pl

from ingest import vocabulary
from ingest.curated import BadCell, Books, blank, choose, declared_day, number_of, records, support_of, year_of
from ingest.declaration import FetchContext, Page, ParseContext, Parsed, Source, Table
from ingest.firms.places import places
from ingest.store.landing import page_of
from ingest.text.identifiers import is_lei, is_uscc

DATA = Path(__file__).parent / "data"
#: The list's own words -> the vocabulary of segments. Anything else is held back by name.
WORDS = {"ice_engine": "ice_powertrain"}
STATUS = {"active", "bankrupt", "closed", "merged"}

FIRMS: dict[str, Any] = {
    "firm_id": pl.String, "name_zh": pl.String, "name_zh_kind": pl.String, "name_zh_short": pl.String,
    "name_en": pl.String, "group_name": pl.String, "powertrain": pl.String, "founded_year": pl.Int32,
    "hq_city_adcode": pl.String, "reg_city_adcode": pl.String, "hq_province_adcode": pl.String,
    "listing_codes": pl.String, "list_date": pl.String, "lei": pl.String, "uscc": pl.String, "status": pl.String,
    "status_year": pl.Int32, "support": pl.String, "confidence": pl.String, "source_ref": pl.String, "note": pl.String,
}  # fmt: skip
FIRM_SEGMENTS: dict[str, Any] = {
    "firm_id": pl.String, "segment": pl.String, "position": pl.Int32, "support": pl.String,
    "confidence": pl.String, "source_ref": pl.String,
}  # fmt: skip
SITES: dict[str, Any] = {
    "firm_id": pl.String, "city_adcode": pl.String, "district_zh": pl.String, "longitude": pl.Float64, "latitude": pl.Float64,
    "support": pl.String, "confidence": pl.String,
}  # fmt: skip
CONFLICTS: dict[str, Any] = {
    "firm_id": pl.String, "field": pl.String, "value": pl.String, "value_source": pl.String,
    "other_value": pl.String, "other_source": pl.String,
}  # fmt: skip


def fetch(ctx: FetchContext, partition: str) -> Iterator[Page]:
    for name in ("firms.csv", "source_conflicts.csv", "sites.csv"):
        yield page_of(DATA / name, declared_day(DATA))


def parse(pages: Iterable[Page], ctx: ParseContext) -> Parsed:  # noqa: C901 - a reader for each file; their branches are added up here
    """Firms with cities as codes, segments in the vocabulary, and both sides of every conflict."""
    where = places(ctx.seeds)
    books = Books()
    firms: list[dict[str, Any]] = []
    segments: list[dict[str, Any]] = []
    conflicts: list[dict[str, Any]] = []
    sites: list[dict[str, Any]] = []
    by_page = {page.key: page for page in pages}

    def firm(row: dict[str, str]) -> None:
        support, reference = support_of(row["support"])
        city = None
        if row["hq_city_zh"]:
            city = where.city(row["hq_city_zh"], row["hq_province_en"])
            if city is None:
                raise BadCell("unknown_city", "hq_city_zh", "a city that the list of places has not in that province")
        registered = where.city(row["reg_city_zh"]) if row["reg_city_zh"] else None
        if row["uscc"] and not is_uscc(row["uscc"]):
            raise BadCell("bad_uscc", "uscc", "expected 18 characters of the alphabet and a right check digit")
        if row["lei"] and not is_lei(row["lei"]):
            raise BadCell("bad_lei", "lei", "expected 20 characters and right check digits")
        codes = []
        for position, word in enumerate(filter(None, row["segments"].split(";")), start=1):
            code = choose(WORDS.get(word.strip(), word.strip()), vocabulary.segments(ctx.seeds), "segment")
            if code not in codes:
                codes.append(code)
                segments.append(
                    {
                        "firm_id": row["firm_id"], "segment": code, "position": position,
                        # the pages support name, place and listing; segments were read off them only where not said otherwise
                        "support": "recalled" if "segments recalled" in row["support"] or support == "recalled" else "derived",
                        "confidence": row["confidence"], "source_ref": blank(reference),
                    }
                )  # fmt: skip
        firms.append(
            {
                "firm_id": row["firm_id"], "name_zh": blank(row["name_zh"]), "name_zh_kind": blank(row["name_zh_kind"]),
                "name_zh_short": blank(row["name_zh_short"]), "name_en": blank(row["name_en"]),
                "group_name": blank(row["group"].replace("—", "")), "powertrain": row["powertrain"] or "unknown",
                "founded_year": year_of(row["founded"]), "hq_city_adcode": city, "reg_city_adcode": registered,
                "hq_province_adcode": where.province(row["hq_province_en"]), "listing_codes": blank(row["listing_codes"]),
                "list_date": blank(row["list_date"]), "lei": blank(row["lei"]), "uscc": blank(row["uscc"]),
                "status": choose(row["status"] or "active", STATUS, "status"), "status_year": year_of(row["status_year"]),
                "support": support, "confidence": row["confidence"], "source_ref": blank(reference), "note": blank(row["note"]),
            }
        )  # fmt: skip

    def conflict(row: dict[str, str]) -> None:
        code = row["code"]
        mine = [f for f in firms if code in (f["listing_codes"] or "").split(";") or f["name_zh"] == row["firm"]]
        if len(mine) != 1:
            raise BadCell("unknown_firm", "code", "no firm, or several, of that code or name")
        conflicts.append(
            {
                "firm_id": mine[0]["firm_id"], "field": row["field"], "value": row["mine"], "value_source": "firms.csv",
                "other_value": row["source"], "other_source": "JerBouma/FinanceDatabase or sswfive/NeoKLine-w",
            }
        )  # fmt: skip

    def site(row: dict[str, str]) -> None:
        mine = [f for f in firms if f["firm_id"] == row["firm_id"]]
        if not mine:
            raise BadCell("unknown_firm", "firm_id", "no firm of that id")
        if row["city_adcode"] not in (mine[0]["hq_city_adcode"], mine[0]["reg_city_adcode"]):
            raise BadCell("site_elsewhere", "city_adcode", "the firm is not seated in that city")
        if bool(row["district_zh"]) == bool(row["longitude"]):
            raise BadCell("no_place", "district_zh", "expected a district or coordinates, and not both")
        sites.append(
            {
                "firm_id": row["firm_id"], "city_adcode": row["city_adcode"], "district_zh": blank(row["district_zh"]),
                "longitude": number_of(row["longitude"]), "latitude": number_of(row["latitude"]),
                "support": choose(row["support"], ("seen", "derived", "recalled"), "support"), "confidence": row["confidence"],
            }
        )  # fmt: skip

    books.take(by_page["firms.csv"], records(by_page["firms.csv"]), firm)
    books.take(by_page["source_conflicts.csv"], records(by_page["source_conflicts.csv"]), conflict)
    books.take(by_page["sites.csv"], records(by_page["sites.csv"]), site)
    kept = {f["firm_id"] for f in firms}
    segments = [s for s in segments if s["firm_id"] in kept]
    return Parsed(
        tables={
            "firms": pl.DataFrame(firms, schema=FIRMS),
            "firm_segments": pl.DataFrame(segments, schema=FIRM_SEGMENTS),
            "firm_conflicts": pl.DataFrame(conflicts, schema=CONFLICTS),
            "firm_sites": pl.DataFrame(sites, schema=SITES),
        },
        records_in=books.records_in,
        accepted=books.accepted,
        quarantine=books.quarantine(),
    )


SOURCE = Source(
    name="curated_firms",
    title="Firms of the EV chain collected by hand",
    publisher="The atlas's maintainers",
    homepage="",
    licence="Facts; names and cities of listed firms checked against JerBouma/FinanceDatabase (MIT)",
    cadence="",
    tables=(
        Table("firms", FIRMS, ("firm_id",), (400, 5_000)),
        Table("firm_segments", FIRM_SEGMENTS, ("firm_id", "segment"), (400, 20_000)),
        Table("firm_conflicts", CONFLICTS, ("firm_id", "field"), (1, 1_000)),
        Table("firm_sites", SITES, ("firm_id",), (100, 5_000)),
    ),
    fetch=fetch,
    as_of=declared_day(DATA),
    parse=parse,
    vocabulary=("cities.csv", "city_aliases.csv", "provinces.csv", "segments.csv"),
    coverage="563 firms, leaning to listed ones and to well-known makers: its counts rank cities by known firms, "
    "not by all firms",
)
