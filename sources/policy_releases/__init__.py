"""Policy releases: sites of governments, read by the family of their content management system.

Belongs here: the declaration. Sites are rows of sites.yml; families/ has one module a family; fetch.py walks the
lists of a month and the pages that they name; parse.py makes documents of them.
"""

from __future__ import annotations

from ingest.declaration import Source
from sources.policy_releases.fetch import fetch, sweep
from sources.policy_releases.parse import parse
from sources.policy_releases.sites import all_sites, covered_sites, gaps_of, hosts_of
from sources.policy_releases.tables import ATTACHMENTS, DOCUMENTS, INSTRUMENTS, SITES

SOURCE = Source(
    name="policy_releases",
    title="Policy releases of governments: ministries, provinces and cities",
    publisher="the governments named in the table sites",
    homepage="https://www.gov.cn/zhengce/",
    licence="texts of norms are free of copyright in China (Copyright Law, article 5)",
    cadence="20 19 * * *",  # 03:20 in China
    tables=(DOCUMENTS, ATTACHMENTS, INSTRUMENTS, SITES),
    fetch=fetch,
    parse=parse,
    live=True,
    partitions="month_site",
    sites=tuple(covered_sites()),
    sweep=sweep,
    history=True,
    vocabulary=("policy_topic_terms.csv", "instruments.csv", "instrument_terms.csv", "segments.csv"),
    coverage="documents on electric vehicles and their chain that the declared lists show, by month of publication; a place "
    "without an adapter is not covered, which is not the same as having no policy",
    hosts=hosts_of(all_sites()),
    gaps=gaps_of(all_sites()),
)
