"""Shenzhen Stock Exchange: the listed companies with their place, and every change of a full name.

Belongs here: the declaration. How it is reached is in fetch.py, how it is read in parse.py.
"""

from __future__ import annotations

from ingest.declaration import Source
from ingest.firms.enrichment import VOCABULARY
from sources.szse.fetch import fetch
from sources.szse.parse import LISTED, NAME_CHANGES, parse

SOURCE = Source(
    name="szse",
    title="Shenzhen Stock Exchange: listed companies and changes of their names",
    publisher="Shenzhen Stock Exchange (深圳证券交易所)",
    homepage="https://www.szse.cn/market/product/stock/list/index.html",
    licence="public disclosure; no licence stated: facts are used, the files are not redistributed",
    cadence="30 18 * * 1-5",
    tables=(LISTED, NAME_CHANGES),
    fetch=fetch,
    parse=parse,
    live=True,
    vocabulary=VOCABULARY,
    attribution="Shenzhen Stock Exchange",
    coverage="companies with A shares listed in Shenzhen now, and changes of full names; no credit codes",
    hosts=("www.szse.cn",),
)
