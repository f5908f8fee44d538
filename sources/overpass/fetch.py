"""Reaching the Overpass API: one question a province.

Belongs here: the question, politeness, and telling an answer from a failure that looks like one. Does not belong here:
what the tags mean.

robots.txt of the public instance keeps crawlers out of /api, which is the API itself; its usage policy allows programs to
ask, within bounds that are kept here with room to spare (docs/decisions.md, 23): one question at a time, half a minute
between two, 31 in a month.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from ingest.declaration import FetchContext, Health, Page, RejectFile, SourceError
from ingest.records import at, items, refuse_nothing
from ingest.vocabulary import mainland
from ingest.web.bodies import read_json, require_kind
from ingest.web.errors import Limits
from ingest.web.fetcher import fetcher_of

ENDPOINT = "https://overpass-api.de/api/interpreter"
POLICY = "documented API; its usage policy (fewer than 10,000 questions a day) is kept with one every 30 s"
GAP_S = 30.0
#: GB/T 2260 -> ISO 3166-2:CN, as OpenStreetMap tags provinces (ISO3166-2=CN-GD).
ISO = {code: province.iso for code, province in mainland().items()}
PRODUCTS = "car|vehicle|automobile|automotive|battery|batteries|engine|汽车|电池|发动机"
NAMES = "汽车|电池|锂电|比亚迪|宁德时代|弗迪|蔚来|小鹏|理想汽车|赛力斯|特斯拉|Tesla|BYD|CATL|Gigafactory"


def question(province: str) -> str:
    """Overpass QL for one province. The area is put out as well: an area that is not found gives an empty answer, which
    must not pass for a province without sites. Raises KeyError for a code that is no province."""
    return (
        "[out:json][timeout:120][maxsize:134217728];"
        f'area["ISO3166-2"="CN-{ISO[province]}"]["boundary"="administrative"]->.a;'
        ".a out tags;"
        "("
        f'nwr["man_made"="works"]["product"~"{PRODUCTS}",i](area.a);'
        f'nwr["man_made"="works"]["name"~"{NAMES}",i](area.a);'
        'nwr["industrial"~"^(automotive|automobile|car|vehicle|battery)",i](area.a);'
        f'nwr["landuse"="industrial"]["name"~"{NAMES}",i](area.a);'
        ");"
        "out center tags;"
    )


def due(context: FetchContext) -> list[str]:
    """The provinces that have not answered in the last 25 days: a refresh that asks all live sources every day asks the
    public instance once a month."""
    since = (dt.datetime.now(dt.UTC) - dt.timedelta(days=25)).isoformat(timespec="seconds")
    found = []
    for province in ISO:
        stands = context.landed.of(province)
        if stands is None or stands.outcome not in ("landed", "unchanged") or stands.checked_at < since:
            found.append(province)
    return found


def fetch(context: FetchContext, partition: str) -> Iterator[Page]:
    """The answer for one province (six-digit code). Raises SourceError where the server ran out of time or slots, also
    where it says so inside an answer of status 200."""
    web = fetcher_of(context)
    if web.min_gap is None:  # tests set their own
        web.min_gap = GAP_S
    page = web.post(
        ENDPOINT,
        {"data": question(partition)},
        key=f"{partition}.json",
        limits=Limits(wire=50_000_000, decoded=50_000_000, deadline=180.0, attempts=3),
        robots_exempt=POLICY,
    )
    where = f"overpass {partition}"
    head = page.body[:4000]
    if b"runtime error" in head or b"too busy" in head:
        if not head.lstrip().startswith(b"{"):
            raise SourceError(Health.unreachable, f"{where}: the server says it is too busy")
    require_kind(page.body, "json", where)
    body = read_json(page.body, where)
    remark = str(at(body, "remark") or "")
    if "error" in remark.lower() or "timed out" in remark.lower():
        raise SourceError(Health.unreachable, f"{where}: the answer is cut: {remark[:200]}")
    found = items(at(body, "elements"), where)
    if not any(element.get("type") == "area" for element in found):
        raise RejectFile("no_area", f"{where}: no area with ISO3166-2=CN-{ISO[partition]}")
    refuse_nothing(context, "overpass", partition, sum(element.get("type") != "area" for element in found))
    yield page
