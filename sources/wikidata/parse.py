"""Reading Wikidata's answer.

Belongs here: properties into columns. Does not belong here: fetching, and which firm an entity is.
A brand is no firm, and a group is no legal person: `kind` keeps them apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import polars as pl

from ingest.declaration import Page, ParseContext, Parsed, RejectFile, Table
from ingest.firms import enrichment
from ingest.records import BadDate, Books, Column, at, balance, items
from ingest.text.identifiers import is_lei, is_uscc, normalise_adcode
from ingest.text.values import FIRST_YEAR
from ingest.web.bodies import read_json

BRAND = {"Q10429667", "Q431289"}
GROUP = {"Q778575", "Q1480166", "Q219577"}  # conglomerate, corporate group, holding company
#: Makers of cars and of their parts; Q112865922 is "historical car manufacturer", which makes none any more and did.
CAR_MAKER = {"Q786820", "Q1259897", "Q112865922"}
MAKER = CAR_MAKER | {"Q4830453", "Q783794", "Q891723", "Q6881511", "Q167037"}
LAST_YEAR = 2100
#: A name that ends as registered names do; a label without it is what people call a firm, or a brand.
REGISTERED = re.compile(r"(公司|集团|集團|厂|廠|有限合伙|研究院)$")

ENTITIES = Table(
    name="entities",
    schema={
        "record_id": pl.String, "kind": pl.String, "classes": pl.List(pl.String), "label_zh": pl.String,
        "name_zh": pl.String, "name_en": pl.String, "lei": pl.String, "uscc": pl.String,
        "stock_codes": pl.List(pl.String), "hq_item": pl.String, "hq_label": pl.String, "hq_adcode": pl.String,
        "longitude": pl.Float64, "latitude": pl.Float64, "founded_on": pl.String, "founded_year": pl.Int32,
        "dissolved_on": pl.String, "dissolved_year": pl.Int32, "parents": pl.List(pl.String),
        "located_adcode": pl.String, "place_rule": pl.String,
    },
    key=("record_id",),
    bounds=(50, 4_999),
    description="Firms, brands and groups of China's car sector",
)  # fmt: skip


def values(text: object) -> list[str]:
    """The values of a joined cell, sorted: the service joins them in any order."""
    return sorted({part.strip() for part in str(text or "").split("|") if part.strip()})


def one(text: object) -> str | None:
    """The only value; None for none, and for several, between which nothing here can choose."""
    found = values(text)
    return found[0] if len(found) == 1 else None


def qid(value: object) -> str | None:
    found = re.fullmatch(r"(?:https?://www\.wikidata\.org/entity/)?(Q\d+)", str(value or ""))
    return found.group(1) if found else None


def code_of(check: Any) -> Any:
    def read(value: object) -> str | None:
        found = [v.upper() for v in values(value) if check(v.upper())]
        return found[0] if len(found) == 1 else None

    return read


def kind_of(value: object) -> str:
    classes = set(values(value))
    if classes & BRAND and not classes & MAKER:
        return "brand"
    return "group" if classes & GROUP and not classes & CAR_MAKER else "firm"


def day(value: object) -> str | None:
    """The earliest date, as precise as it says: Wikidata writes 1995-01-01 for a year alone, so that day means the year
    (1900-01-01 is the year 1900, no placeholder). Raises BadDate for a year in which no firm of the sector began or ended."""
    given = [v for v in values(value) if re.match(r"\d{4}-\d\d-\d\d", v)]
    found = [v for v in given if FIRST_YEAR <= int(v[:4]) <= LAST_YEAR]
    if given and not found:
        raise BadDate("too_early" if int(given[0][:4]) < FIRST_YEAR else "future", f"the year of {given[0][:10]}")
    if not found:
        return None
    return found[0][:4] if found[0][5:10] == "01-01" else found[0][:10]


def year(value: object) -> int | None:
    found = day(value)
    return int(found[:4]) if found else None


def registered(value: object) -> str | None:
    found = [v for v in values(value) if REGISTERED.search(v)]
    return found[0] if len(found) == 1 else None


def seat(part: int) -> Any:
    """One part of the only seat: item, label, division code, point. None where there are several seats."""

    def read(value: object) -> Any:
        found = values(value)
        if len({v.split("~")[0] for v in found}) != 1:
            return None
        if part < 3:
            cell = {v.split("~")[part] for v in found if v.count("~") == 3} - {""}
            return next(iter(cell)) if len(cell) == 1 else None
        points = sorted(v.split("~")[3] for v in found if v.count("~") == 3 and v.split("~")[3])
        match = re.fullmatch(r"Point\((-?[\d.]+) (-?[\d.]+)\)", points[0]) if points else None
        return (float(match.group(1)), float(match.group(2))) if match else None

    return read


COLUMNS = (
    Column("record_id", "item", qid, required=True),
    Column("kind", "classes", kind_of),
    Column("classes", "classes", values),
    Column("name_en", "label_en", one),
    Column("lei", "lei", code_of(is_lei)),
    Column("uscc", "uscc", code_of(is_uscc)),
    Column("stock_codes", "tickers", lambda v: [c for c in values(v) if re.fullmatch(r"\d{4,6}", c)]),
    Column("hq_item", "seats", seat(0)),
    Column("hq_label", "seats", seat(1)),
    Column("hq_adcode", "seats", seat(2)),
    Column("founded_on", "inception", day, blank=True),
    Column("founded_year", "inception", year, blank=True),
    Column("dissolved_on", "dissolved", day, blank=True),
    Column("dissolved_year", "dissolved", year, blank=True),
    Column("parents", "parents", lambda v: [p for p in values(v) if qid(p)]),
)
KNOWN = frozenset({"label_zh", "label_hans", "official_names"})


def adcode(value: object) -> str | None:
    try:
        return normalise_adcode(str(value)) if value else None
    except ValueError:
        return None


def parse(pages: Iterable[Page], context: ParseContext) -> Parsed:
    """Entities into their table, with the prefecture of their seat. Raises RejectFile("schema_changed")."""
    books = Books(ENTITIES, COLUMNS, KNOWN)
    for page in pages:
        body = read_json(page.body, page.key)
        heads = at(body, "head", "vars")
        if not isinstance(heads, list) or "item" not in heads:
            raise RejectFile("schema_changed", f"{page.key}: no variable item")
        for row in items(at(body, "results", "bindings"), page.key):
            record = {name: at(row, name, "value") for name in heads}
            labels = [*values(record.get("label_hans")), *values(record.get("label_zh"))]
            point = seat(3)(record.get("seats"))
            books.add(
                record,
                page.key,
                {
                    "label_zh": labels[0] if labels else None,
                    "name_zh": registered(record.get("official_names")) or next((n for n in labels if REGISTERED.search(n)), None),
                    "longitude": point[0] if point else None,
                    "latitude": point[1] if point else None,
                },
            )
    parsed = balance([books])
    frame = parsed.tables["entities"].drop("located_adcode", "place_rule")
    if frame.height:
        place = enrichment.location_of(
            frame.select(
                pl.col("hq_adcode").map_elements(adcode, return_dtype=pl.String).alias("city_adcode"),
                pl.col("hq_label").alias("city"),
            ),
            context.seeds,
        )
        parsed.tables["entities"] = pl.concat([frame, place], how="horizontal").select(
            pl.col(c).cast(t) for c, t in ENTITIES.schema.items()
        )
    return parsed
