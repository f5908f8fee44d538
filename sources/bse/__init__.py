"""Beijing Stock Exchange: the listed companies, by short name.

Belongs here: the declaration. How it is reached is in fetch.py, how it is read in parse.py.
"""

from __future__ import annotations

from ingest.declaration import Source
from ingest.firms.enrichment import VOCABULARY
from sources.bse.fetch import fetch
from sources.bse.parse import LISTED, parse

SOURCE = Source(
    name="bse",
    title="Beijing Stock Exchange: listed companies",
    publisher="Beijing Stock Exchange (北京证券交易所)",
    homepage="https://www.bse.cn/nq/listedcompany.html",
    licence="public disclosure; no licence stated: facts are used, the files are not redistributed",
    cadence="15 19 * * 1-5",
    tables=(LISTED,),
    fetch=fetch,
    parse=parse,
    live=True,
    vocabulary=VOCABULARY,
    attribution="Beijing Stock Exchange",
    coverage="companies listed in Beijing now, with short name, industry and province; the list has no registered names",
    hosts=("www.bse.cn",),
)
