"""OpenStreetMap by Overpass: sites of the vehicle and battery industry, province by province.

Belongs here: the declaration. How it is reached is in fetch.py, how it is read in parse.py.
OpenStreetMap's licence (ODbL) asks that what is made from it is shared alike. So these sites are published in a table of
their own, with their attribution in every row, and enter no other.
"""

from __future__ import annotations

from ingest.declaration import Source
from sources.overpass.fetch import due, fetch
from sources.overpass.parse import PLANT_SITES, parse

SOURCE = Source(
    name="overpass",
    title="OpenStreetMap: sites of the vehicle and battery industry",
    publisher="OpenStreetMap contributors, by the Overpass API",
    homepage="https://wiki.openstreetmap.org/wiki/Overpass_API",
    licence="ODbL 1.0 (share-alike)",
    cadence="0 4 2 * *",
    tables=(PLANT_SITES,),
    fetch=fetch,
    parse=parse,
    language="mul",
    live=True,
    partitions="province",
    list_partitions=due,
    attribution="© OpenStreetMap contributors, ODbL 1.0",
    coverage="what volunteers have mapped as works or industrial land with a product or name of the sector; no census",
    hosts=("overpass-api.de",),
)
