"""Cases in the literature and the press of how EV clusters relate to the ICE industry before them.

Belongs here: the declaration and the reading of `data/`. Does not belong here: the atlas's own readings (dbt).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import polars as pl

from ingest.curated import BadCell, Books, blank, declared_day, first_url, records, support_of, year_of
from ingest.declaration import FetchContext, Page, ParseContext, Parsed, Source, Table
from ingest.firms.places import places
from ingest.store.landing import page_of

DATA = Path(__file__).parent / "data"
#: The case's type -> the four readings of the atlas. Types that read nothing of a city's path are `evidence`.
READING = {
    "path_transformation": "transformation", "path_dependence_via_licence": "path_dependence",
    "path_dependence": "path_dependence", "path_dependence_frugal": "path_dependence", "lock_in_and_conversion": "transformation",
    "lock_in": "path_dependence", "brownfield_conversion": "transformation", "path_creation": "divergence",
    "path_creation_related": "divergence", "path_creation_resource": "divergence", "divergent": "divergence", "mixed": "mixed",
    "branch_plant": "evidence", "capital_participation": "evidence", "failed_path_creation": "failed",
    "failed_and_reopened": "failed", "brownfield_failure": "failed", "involution": "evidence", "literature": "evidence",
}  # fmt: skip
CASES: dict[str, Any] = {
    "case_id": pl.String, "city_adcode": pl.String, "case_name": pl.String, "type": pl.String,
    "ice_heritage": pl.String, "ev_outcome": pl.String, "reading": pl.String, "reading_class": pl.String,
    "policy_tool": pl.String, "amount_text": pl.String, "year": pl.Int32, "support": pl.String,
    "confidence": pl.String, "source_url": pl.String,
}  # fmt: skip


def fetch(ctx: FetchContext, partition: str) -> Iterator[Page]:
    yield page_of(DATA / "heritage_cases.csv", declared_day(DATA))


def parse(pages: Iterable[Page], ctx: ParseContext) -> Parsed:
    """One row a case; a case of no single city (a province, the nation) keeps a NULL city."""
    where = places(ctx.seeds)
    books = Books()
    cases: list[dict[str, Any]] = []

    def case(row: dict[str, str]) -> None:
        if row["type"] not in READING:
            raise BadCell("unknown_type", "type", "a type that the list of readings has not")
        support, reference = support_of(row["support"])
        cases.append(
            {
                "case_id": f"H{len(cases) + 1:03d}", "city_adcode": where.city(row["city_zh"]), "case_name": row["case"],
                "type": row["type"], "ice_heritage": blank(row["ice_heritage"]), "ev_outcome": blank(row["ev_outcome"]),
                "reading": blank(row["reading"]), "reading_class": READING[row["type"]], "policy_tool": blank(row["policy_tool"]),
                "amount_text": blank(row["amount_rmb"]), "year": year_of(row["year"]), "support": support,
                "confidence": row["confidence"], "source_url": first_url(reference) or blank(reference),
            }
        )  # fmt: skip

    for page in pages:
        books.take(page, records(page), case)
    return Parsed({"cases": pl.DataFrame(cases, schema=CASES)}, books.records_in, books.accepted, books.quarantine())


SOURCE = Source(
    name="heritage_cases",
    title="Cases of ICE heritage, divergence and failure in the literature and the press",
    publisher="The atlas's maintainers",
    homepage="",
    licence="Facts",
    cadence="",
    tables=(Table("cases", CASES, ("case_id",), (20, 1_000)),),
    fetch=fetch,
    as_of=declared_day(DATA),
    parse=parse,
    vocabulary=("cities.csv", "city_aliases.csv", "provinces.csv"),
    coverage="34 cases, chosen because they are told; cities without a case were not read about",
)
