"""MIIT vehicle announcements (道路机动车辆生产企业及产品公告): which maker announced which new-energy model, by batch.

Belongs here: the declaration. How it is reached is in fetch.py, how it is read in parse.py.
"""

from __future__ import annotations

from ingest.declaration import Source
from sources.miit.fetch import KNOWN_BATCHES, fetch, list_batches
from sources.miit.parse import PRODUCTS, parse

SOURCE = Source(
    name="miit",
    title="MIIT vehicle announcements: new-energy models by maker and batch",
    publisher="Ministry of Industry and Information Technology (工业和信息化部)",
    homepage="https://service.miit-eidc.org.cn/miitxxgk/gonggao/xxgk/index",
    licence="government information; no licence stated: facts are used, the pages are not redistributed",
    cadence="0 3 * * 1",
    tables=(PRODUCTS,),
    fetch=fetch,
    parse=parse,
    live=True,
    partitions="batch",
    list_partitions=list_batches,
    known_partitions=KNOWN_BATCHES,
    attribution="MIIT, 道路机动车辆生产企业及产品公告",
    coverage="new-energy models (battery, plug-in, range-extended, fuel cell, swappable) as announced, one partition a "
    "batch; production addresses stand behind a captcha and are not read",
    hosts=("service.miit-eidc.org.cn",),
)
