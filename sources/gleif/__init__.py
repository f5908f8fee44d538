"""GLEIF: legal entities seated in China with their LEI and registration number, and who consolidates them.

Belongs here: the declaration. How it is reached is in fetch.py (paging) and bulk.py (the golden copy's files), how it
is read in parse.py. A partition says by its name what it holds: `2026-06-12-full` (golden copy of that date),
`2026-06-12-api` (the same state through the API) or `2026-06-13-delta` (what changed up to that date).
"""

from __future__ import annotations

from ingest.declaration import Source
from ingest.firms.enrichment import VOCABULARY
from sources.gleif.fetch import fetch, list_publications
from sources.gleif.parse import ENTITIES, PARENTS, parse

SOURCE = Source(
    name="gleif",
    title="GLEIF: Chinese legal entities and their parents",
    publisher="Global Legal Entity Identifier Foundation",
    homepage="https://www.gleif.org/en/lei-data/gleif-golden-copy",
    licence="CC0 1.0",
    cadence="30 2 * * *",
    tables=(ENTITIES, PARENTS),
    fetch=fetch,
    parse=parse,
    language="en",
    live=True,
    partitions="publish_date",
    list_partitions=list_publications,
    vocabulary=VOCABULARY,
    attribution="GLEIF",
    coverage="entities with a legal address in China that have an LEI, sole proprietors left out; parents (level 2) are "
    "reported for few operating subsidiaries",
    hosts=("goldencopy.gleif.org", "api.gleif.org", "leidata-preview.gleif.org"),
)
