"""Shanghai Stock Exchange: listed and delisted companies, and the profile of those of the vehicle sector.

Belongs here: the declaration. How it is reached is in fetch.py, how it is read in parse.py.
"""

from __future__ import annotations

from ingest.declaration import Source
from ingest.firms.enrichment import VOCABULARY
from sources.sse.fetch import fetch
from sources.sse.parse import DELISTED, LISTED, PROFILES, parse

SOURCE = Source(
    name="sse",
    title="Shanghai Stock Exchange: listed and delisted companies, profiles of the vehicle sector",
    publisher="Shanghai Stock Exchange (上海证券交易所)",
    homepage="https://www.sse.com.cn/assortment/stock/list/share/",
    licence="public disclosure; no licence stated: facts are used, the files are not redistributed",
    cadence="0 19 * * 1-5",
    tables=(LISTED, DELISTED, PROFILES),
    fetch=fetch,
    parse=parse,
    live=True,
    vocabulary=VOCABULARY,
    attribution="Shanghai Stock Exchange",
    coverage="A and B shares and the STAR market; places and industries only of companies whose name says vehicles or "
    "their parts, and where a profile cannot be had as it was last read; no credit codes, no history of names",
    hosts=("query.sse.com.cn",),
)
