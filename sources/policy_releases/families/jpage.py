"""jpage record sets: XML of CDATA rows from dataproxy.jsp, twenty at a time.

Belongs here: its paging by record numbers and its rows. Does not belong here: pages of documents.
"""

from __future__ import annotations

from collections.abc import Iterator

import defusedxml.ElementTree as ET
from defusedxml.common import DefusedXmlException
from selectolax.lexbor import LexborHTMLParser

from ingest.declaration import RejectFile
from ingest.web.documents import judge_xml
from sources.policy_releases.families import Ask, List, ListPage
from sources.policy_releases.families.rows import need, row
from sources.policy_releases.items import Item
from sources.policy_releases.sites import Site

WINDOWED = False
SIZE = 20


def lists(ask: Ask, site: Site, root: List) -> list[List]:
    return [root]


def pages(ask: Ask, site: Site, start: List, month: str | None) -> Iterator[ListPage]:
    url = str(start["url"])
    for first in range(1, 1_000_000, SIZE):
        asked = {
            "startrecord": str(first), "endrecord": str(first + SIZE - 1), "perpage": str(SIZE),
            **{name: str(start[name]) for name in ("columnid", "unitid", "webid")},
        }  # fmt: skip
        found, total = read(ask.get(url, asked, "xml", site.homepage).body, url)
        if first == 1:
            need(found, url, "record")
        yield ListPage(found, more=None if total is None else first + SIZE - 1 < total, total=total)
        if not found or (total is not None and first + SIZE - 1 >= total):
            return


def read(body: bytes, where: str) -> tuple[tuple[Item, ...], int | None]:
    """The rows of a record set, and the total where it states one. A date is the last of a row: an index number such as
    2022-06-00018 looks like one. Raises RejectFile for what is no record set."""
    judge_xml(body)
    try:
        tree = ET.fromstring(body, forbid_dtd=True)
    except (ET.ParseError, DefusedXmlException, ValueError) as error:
        raise RejectFile("invalid_xml", f"{where}: {error}") from None
    records = tree.findall(".//record")
    if not records and tree.find(".//recordset") is None and tree.tag != "recordset":
        raise RejectFile("schema_changed", f"{where}: no recordset")
    found = []
    for record in records:
        fragment = LexborHTMLParser("".join(record.itertext()))
        node = fragment.css_first("li, tr") or fragment.body
        item = row(node, where, {"number": "span, td"}) if node is not None else None
        if item is not None:
            found.append(item)
    stated = tree.findtext(".//totalrecord") or ""
    return tuple(found), int(stated) if stated.strip().isdigit() else None
