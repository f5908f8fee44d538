"""Reading Overpass's answer.

Belongs here: elements and tags into columns. Does not belong here: fetching, and whose plant a site is.
Coordinates are WGS 84, as all of OpenStreetMap: a way's or relation's are the centre of its bounding box (`out center`).
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from ingest.declaration import Page, ParseContext, Parsed, Table
from ingest.records import Books, Column, at, balance, items, number
from ingest.web.bodies import read_json

TAGS = (
    "name", "name:zh", "name:en", "operator", "operator:zh", "brand", "product", "man_made", "landuse", "industrial",
    "start_date", "wikidata", "operator:wikidata", "addr:city", "disused", "abandoned",
)  # fmt: skip
PLANT_SITES = Table(
    name="plant_sites",
    schema={
        "record_id": pl.String, "osm_type": pl.String, "osm_id": pl.Int64, "province_adcode": pl.String,
        **{tag.replace(":", "_"): pl.String for tag in TAGS},
        "longitude": pl.Float64, "latitude": pl.Float64, "coordinate_system": pl.String, "osm_base": pl.String,
    },
    key=("record_id",),
    bounds=(0, 20_000),
    description="Sites of the vehicle and battery industry as mapped in OpenStreetMap",
)  # fmt: skip


def inside(low: float, high: float) -> object:
    def read(value: object) -> float | None:
        found = number(value)
        if found is not None and not low <= found <= high:
            raise ValueError(f"{found} is outside China")
        return found

    return read


COLUMNS = (
    Column("record_id", "record_id", required=True),
    Column("osm_type", "type", required=True),
    Column("osm_id", "id", lambda v: int(str(v)), required=True),
    Column("longitude", "lon", inside(73.0, 136.0), required=True),  # type: ignore[arg-type]
    Column("latitude", "lat", inside(3.0, 54.0), required=True),  # type: ignore[arg-type]
    *(Column(tag.replace(":", "_"), tag) for tag in TAGS),
)


def parse(pages: Iterable[Page], context: ParseContext) -> Parsed:
    """Elements into their table; other tags than TAGS are not stored (OpenStreetMap's are without number)."""
    books = Books(PLANT_SITES, COLUMNS)
    for page in pages:
        body = read_json(page.body, page.key)
        base = at(body, "osm3s", "timestamp_osm_base")
        for element in items(at(body, "elements"), page.key):
            if element.get("type") == "area":
                continue
            tags = element.get("tags") if isinstance(element.get("tags"), dict) else {}
            place = element.get("center") or element
            record = {
                "record_id": f"{element.get('type')}/{element.get('id')}", "type": element.get("type"),
                "id": element.get("id"), "lon": at(place, "lon"), "lat": at(place, "lat"),
                **{tag: at(tags, tag) for tag in TAGS},
            }  # fmt: skip
            books.add(
                record,
                page.key,
                {"province_adcode": context.partition, "coordinate_system": "WGS 84", "osm_base": base},
            )
    parsed = balance([books])
    parsed.notes = [note for note in parsed.notes if note[0] != "absent"]
    return parsed
