"""Wikidata: firms, brands and groups of China's car sector.

Belongs here: the declaration. How it is reached is in fetch.py, how it is read in parse.py.
"""

from __future__ import annotations

from ingest.declaration import Source
from ingest.firms.enrichment import VOCABULARY
from sources.wikidata.fetch import fetch
from sources.wikidata.parse import ENTITIES, parse

SOURCE = Source(
    name="wikidata",
    title="Wikidata: firms, brands and groups of China's car sector",
    publisher="Wikidata (Wikimedia Foundation)",
    homepage="https://query.wikidata.org/",
    licence="CC0 1.0",
    cadence="0 3 * * 1",
    tables=(ENTITIES,),
    fetch=fetch,
    parse=parse,
    language="mul",
    live=True,
    vocabulary=VOCABULARY,
    attribution="Wikidata contributors",
    coverage="what volunteers describe: well-known makers, brands and groups with seats, founding years and LEIs; no count",
    hosts=("query.wikidata.org",),
)
