"""Vehicles made by place and year, and the size and revenue of cities: each figure with its source and date.

Belongs here: the declaration and the reading of `data/`. Does not belong here: shares and ranks (dbt).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import polars as pl

from ingest.curated import BadCell, Books, blank, declared_day, first_url, number_of, records, support_of
from ingest.declaration import FetchContext, Page, ParseContext, Parsed, Source, Table
from ingest.firms.places import places
from ingest.store.landing import page_of
from ingest.text.values import part_of_year

DATA = Path(__file__).parent / "data"
FILES = ("city_output.csv", "province_output.csv", "output_evidence.csv", "fiscal_evidence.csv", "prefectures.csv")

OUTPUT: dict[str, Any] = {
    "record_id": pl.String, "geography_level": pl.String, "geography_id": pl.String, "year": pl.Int32,
    "period": pl.String, "metric": pl.String, "vehicles": pl.Float64, "attribution": pl.String,
    "source_body": pl.String, "support": pl.String, "confidence": pl.String, "source_url": pl.String,
    "note": pl.String, "preferred": pl.Boolean, "conflict_group": pl.String,
}  # fmt: skip
FISCAL: dict[str, Any] = {
    "record_id": pl.String, "city_adcode": pl.String, "year": pl.Int32, "field": pl.String, "value": pl.Float64,
    "unit": pl.String, "support": pl.String, "confidence": pl.String, "source_url": pl.String,
}  # fmt: skip
#: Two figures of one place, year and metric that differ by more than this share are a conflict and are shown.
TOLERANCE = 0.01


def fetch(ctx: FetchContext, partition: str) -> Iterator[Page]:
    for name in FILES:
        yield page_of(DATA / name, declared_day(DATA))


def attribution(text: str, level: str) -> str:
    """On what basis a figure was counted. Until 2024 some cities counted all vehicles of the firms seated
    there (Shenzhen 2024); statistics bureaus count where vehicles are made."""
    lowered = text.lower()
    if "hq-based" in lowered or "legal" in lowered:
        return "legal_entity"
    if "bureau" in lowered or "nbs" in lowered or level == "national":
        return "place_of_production"
    return "unknown"


def body(note: str) -> str | None:
    """Who counted: CAAM and NBS define the nation's NEVs differently (9.587 and 9.443 million in 2023)."""
    found = re.search(r"\b(CAAM|NBS|CPCA)\b", note)
    return found.group(1) if found else None


def metric_period(metric: str, says: str = "") -> tuple[str, str]:
    """The evidence file folds the period into the metric: "nev_7m" -> ("nev", "7m"), "auto (NBS)" -> ("auto", "full").
    Where the metric names none, the page's words may: a figure of January to November is not the year's."""
    found = re.fullmatch(r"(auto|nev)_(\d+m|h1|ytd)", metric)
    if found:
        return found.group(1), period_of(found.group(2))
    metric = metric.replace(" (NBS)", "")
    return metric, (part_of_year(says) if metric in ("auto", "nev") else None) or "full"


def period_of(text: str) -> str:
    """The period of a figure: "full", or the part of the year from January that it covers ("11m", "h1", "ytd").
    ValueError where the cell says anything else: a figure of an unknown period must not pass for a year's."""
    said = text.strip().lower()
    if said in ("full", "12m", "fy", "full year", "全年", "1-12月"):
        return "full"
    if (part := part_of_year(said)) is None:
        raise BadCell("unknown_period", "metric", "a figure of a part of the year that has no known name")
    return part


def key_of(*parts: object) -> str:
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:16]


def parse(pages: Iterable[Page], ctx: ParseContext) -> Parsed:  # noqa: C901 - a reader for each file; their branches are added up here
    """Every figure as a fact of its own; which of several is preferred is decided by a rule (see `prefer`)."""
    where = places(ctx.seeds)
    books = Books()
    output: list[dict[str, Any]] = []
    fiscal: list[dict[str, Any]] = []
    by_page = {page.key: page for page in pages}

    def add(level: str, place: str, row: dict[str, str], vehicles: float, support: str, reference: str, note: str) -> None:
        metric, period = (row["metric"], period_of(row["period"])) if "period" in row else metric_period(row["metric"], note)
        output.append(
            {
                "record_id": key_of(level, place, row["year"], metric, period, vehicles, reference),
                "geography_level": level, "geography_id": place, "year": int(row["year"]), "period": period,
                "metric": metric, "vehicles": vehicles, "attribution": attribution(note + " " + row["metric"], level),
                "source_body": body(note + " " + row["metric"]), "support": support, "confidence": row["confidence"] or "low",
                "source_url": first_url(reference) or blank(reference), "note": blank(note), "preferred": False,
                "conflict_group": None,
            }
        )  # fmt: skip

    def city(row: dict[str, str]) -> None:
        place = where.city(row["adcode"])
        vehicles = number_of(row["vehicles"])
        if place is None:
            raise BadCell("unknown_city", "adcode", "no city of that code")
        if vehicles is None:
            raise BadCell("bad_number", "vehicles", "expected a plain number")
        support, reference = support_of(row["support"])
        add("city", place, row, vehicles, support, reference, row["note"])

    def province(row: dict[str, str]) -> None:
        level, place = ("national", "100000") if row["province_en"] == "China" else ("province", where.province(row["province_en"]))
        if place is None:
            raise BadCell("unknown_province", "province_en", "no province of that name")
        vehicles = number_of(row["vehicles"])
        if vehicles is None:
            raise BadCell("no_figure", "vehicles", "only a rank or a remark is known")
        support, reference = support_of(row["support"])
        add(level, place, row, vehicles, support, reference, row["note"])

    def evidence(row: dict[str, str]) -> None:
        vehicles = number_of(row["value_seen"])
        if vehicles is None:
            raise BadCell("bad_number", "value_seen", "expected a plain number")
        says = row["what_the_source_says"]
        support = "derived" if says.startswith("DERIVED") else "seen"
        if row["place"] == "China":
            level, place = "national", "100000"
        else:
            found = where.city(row["place"])
            level = "city" if found else "province"
            place = found or where.province(row["place"]) or ""
        if not place:
            raise BadCell("unknown_place", "place", "neither a city nor a province of that name")
        for fact in output:  # a confirmation lifts the fact's support; the page stands beside it
            same = (fact["geography_id"], fact["year"], fact["metric"], fact["period"]) == (place, int(row["year"]), *metric_period(row["metric"], says))
            if same and row["agrees"] == "yes" and abs(fact["vehicles"] - vehicles) <= TOLERANCE * vehicles:
                if fact["support"] == "recalled":
                    fact.update(support="seen", source_url=row["source_url"], confidence=row["confidence"])
                return
        add(level, place, row, vehicles, support, row["source_url"], says)

    def money(row: dict[str, str]) -> None:
        if row["field"] not in ("gdp", "budget_revenue"):
            raise BadCell("not_a_level", "field", "no amount: expected gdp or budget_revenue")
        if where.city(row["adcode"]) is None:
            raise BadCell("unknown_city", "adcode", "no city of that code")
        value = number_of(row["value_seen"])
        if value is None:
            raise BadCell("bad_number", "value_seen", "expected a plain number")
        unit, _, remark = row["unit"].partition(" (")
        if unit != "100m RMB":
            raise BadCell("unknown_unit", "unit", "expected 100m RMB")
        if any(word in remark for word in ("mock", "unsourced", "DIFFERENT DEFINITION", "suspect", "quotes")):
            raise BadCell("untrusted_source", "unit", "the remark beside the unit says that the figure is not to be trusted")
        fiscal.append(
            {
                "record_id": key_of(row["adcode"], row["field"], row["year"], value, row["source_url"]),
                "city_adcode": row["adcode"], "year": int(row["year"]), "field": row["field"], "value": value,
                "unit": "100 million CNY", "support": "derived" if "sum of three" in remark else "seen",
                "confidence": "medium" if remark and row["confidence"] == "high" else row["confidence"],
                "source_url": row["source_url"],
            }
        )  # fmt: skip

    def prefecture(row: dict[str, str]) -> None:
        fields = (
            ("gdp", 2023, row["gdp_2023_100m_rmb"], "100 million CNY"),
            ("budget_revenue", 2023, row["budget_revenue_2023_100m_rmb"], "100 million CNY"),
            ("population", 2020, row["population_2020_10k"], "10,000 persons"),
        )
        for name, year, text, unit in fields:
            value = number_of(text)
            if value is not None:
                fiscal.append(
                    {
                        "record_id": key_of(row["adcode"], name, year, value, "recalled"), "city_adcode": row["adcode"],
                        "year": year, "field": name, "value": value, "unit": unit, "support": "recalled",
                        "confidence": row["econ_confidence"] or "low", "source_url": None,
                    }
                )  # fmt: skip

    readers = (city, province, evidence, money, prefecture)
    for name, read in zip(FILES, readers, strict=True):
        books.take(by_page[name], records(by_page[name]), read)
    frame = prefer(pl.DataFrame(output, schema=OUTPUT).unique("record_id", keep="first", maintain_order=True))
    return Parsed(
        tables={
            "output": frame,
            "fiscal": pl.DataFrame(fiscal, schema=FISCAL).unique("record_id", keep="first", maintain_order=True),
        },
        records_in=books.records_in,
        accepted=books.accepted,
        quarantine=books.quarantine(),
    )


def prefer(frame: pl.DataFrame) -> pl.DataFrame:
    """Mark one figure of each place, year, period and metric as preferred, and group those that disagree.

    Order: seen, derived, recalled; then confidence; then the place of production before the legal entity; then
    a revised base before a first release; CAAM's national series before NBS's (it is the longer one)."""
    rank = {"seen": 0, "derived": 1, "recalled": 2}
    trust = {"high": 0, "medium": 1, "low": 2}
    keys = ["geography_level", "geography_id", "year", "period", "metric"]
    ordered = frame.with_columns(
        pl.col("support").replace_strict(rank, default=2).alias("_s"),
        pl.col("confidence").replace_strict(trust, default=2).alias("_c"),
        (pl.col("attribution") == "legal_entity").alias("_a"),
        pl.col("note").fill_null("").str.contains("(?i)first release").alias("_f"),
        (pl.col("source_body") == "NBS").fill_null(False).alias("_n"),
    ).sort([*keys, "_s", "_c", "_a", "_f", "_n", "vehicles", "record_id"])
    spread = (pl.col("vehicles").max() - pl.col("vehicles").min()).over(keys) > TOLERANCE * pl.col("vehicles").max().over(keys)
    return ordered.with_columns(
        (pl.int_range(pl.len()).over(keys) == 0).alias("preferred"),
        pl.when(spread).then(pl.concat_str([pl.col(k).cast(pl.String) for k in keys], separator="|")).alias("conflict_group"),
    ).select(list(OUTPUT))


SOURCE = Source(
    name="curated_output",
    title="Vehicles made by place and year; GDP, revenue and population of cities",
    publisher="The atlas's maintainers, from press, bureaus and bulletins",
    homepage="",
    licence="Facts",
    cadence="",
    tables=(
        Table("output", OUTPUT, ("record_id",), (100, 10_000)),
        Table("fiscal", FISCAL, ("record_id",), (200, 20_000)),
    ),
    fetch=fetch,
    as_of=declared_day(DATA),
    parse=parse,
    vocabulary=("cities.csv", "city_aliases.csv", "provinces.csv"),
    coverage="vehicle output of some twenty cities in some years between 2003 and 2025, for some a lower bound; GDP and revenue "
    "of some forty cities, most of them recalled; a list of figures that were found, no statistics",
)
