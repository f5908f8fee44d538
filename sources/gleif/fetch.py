"""Reaching GLEIF: the list of publications, the golden copy's files and deltas, and the API by cursor.

Belongs here: addresses, paging, which file a partition needs, and what stands before it. Does not belong here: reading
files (bulk.py) or records (parse.py).

A partition is `<date>-full`, `<date>-api` or `<date>-delta`. GLEIF publishes three times a day; the first publication of
the date is taken, so that a partition means the same whenever it is fetched. A delta is the smallest file (last day,
week, month) that reaches back to the newest state that stands before it; where nothing stands, it is refused. GLEIF
deletes nothing: what ends comes in a delta with its new state. So any number of deltas may overlap, in any order.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from ingest.declaration import BlockFile, FetchContext, Health, Page, RejectFile, SourceError
from ingest.records import at, expect_total, items
from ingest.web.bodies import read_json
from ingest.web.errors import Limits
from ingest.web.fetcher import Fetcher, fetcher_of, now
from sources.gleif import bulk, columns

PUBLISHES = "https://goldencopy.gleif.org/api/v2/golden-copies/publishes"
RECORDS = "https://api.gleif.org/api/v1/lei-records"
ACCEPT = {"Accept": "application/vnd.api+json"}
#: Why robots.txt is not asked: both hosts are there for programs.
DOCUMENTED = "GLEIF's documented public API and download service, at most one request a second"
PAGE_ROWS = 200  # the API's cap
MAX_PAGES = 5_000
RESTARTS = 3
KEEPS = 0.8  # of the entities of one whole snapshot, the next has at least so many
PUBLISHES_PAGE, PUBLISHES_PAGES = 100, 12  # about 400 days of publications
FILE_LIMITS = Limits(wire=3_000_000_000, decoded=3_000_000_000, ratio=5.0, deadline=7_200.0, attempts=3)
#: Deltas by how many days they surely reach back, the smallest first.
WINDOWS = (("LastDay", 1), ("LastWeek", 6), ("LastMonth", 29))
KEY = re.compile(r"(\d{4}-\d{2}-\d{2})-(full|api|delta)")
#: What stands for a record that does not pass the door: it is counted and says nothing.
WITHHELD = {"type": "withheld"}


@dataclass(frozen=True)
class Key:
    """A partition: the date of publication and the way it is got."""

    date: dt.date
    way: str

    @classmethod
    def of(cls, partition: str) -> Key:
        found = KEY.fullmatch(partition)
        try:
            date = dt.date.fromisoformat(found.group(1)) if found else None
        except ValueError:
            date = None
        if found is None or date is None:
            why = f"gleif: {partition!r} is not <date>-full, <date>-api or <date>-delta, such as 2026-06-12-full"
            raise SourceError(Health.never_run, why)
        return cls(date, found.group(2))


def fetch(context: FetchContext, partition: str) -> Iterator[Page]:
    """The pages of one partition: entities first, then parents. Raises SourceError, RejectFile, BlockFile."""
    key = Key.of(partition)
    web = fetcher_of(context)
    window = delta_window(context, key, partition) if key.way == "delta" else "full"
    known = landed_leis(context, standing(context, key)) if key.way == "delta" else set()
    publish = publication(web, key.date)
    folder = context.home.root / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix="gleif-") as name:
        place = Path(name)
        pages: list[Page] = []
        if key.way == "api":
            pages, leis = through_api(context, web, key.date)
        else:
            archive, page, stated = downloaded(context, web, publish, "lei2", window, place)
            entities, total = bulk.chinese(archive, known, page.key)
            complete(total, stated, page.key)
            pages.append(replace(page, body=csv_bytes(entities)))
            leis = set(entities.get_column(columns.LEI).drop_nulls())
        if key.way != "delta":
            believable(context, key, partition, len(leis))
        rr_archive, rr_page, rr_stated = downloaded(context, web, publish, "rr", window, place)
        rr, total = bulk.parents(rr_archive, leis | known, rr_page.key)
        complete(total, rr_stated, rr_page.key)
        strangers = set(rr.get_column(columns.RR_PARENT).drop_nulls()) - leis - known
        if key.way == "full":  # parents abroad stand in the same file
            abroad = bulk.chosen(archive, strangers, page.key)
            pages.append(replace(page, body=csv_bytes(abroad), key=page.key.replace("lei2", "abroad")))
        else:
            pages += looked_up(web, strangers)
        pages.append(replace(rr_page, body=csv_bytes(rr)))
    yield from pages


# -- what stands before ----------------------------------------------------------------------------------------
def landed_keys(context: FetchContext) -> list[Key]:
    """The partitions of which entities stand landed, oldest first."""
    found = [Key.of(s.partition) for s in context.landed.all() if KEY.fullmatch(s.partition) and "entities" in s.tables]
    return sorted(found, key=lambda key: (key.date, key.way))


def standing(context: FetchContext, key: Key) -> list[Key]:
    """What stands before a partition: earlier dates, and for a delta the whole snapshots of its own date. Never the
    partition itself, so that fetching it again asks for the same."""
    return [
        k for k in landed_keys(context) if k.date < key.date or (k.date == key.date and key.way == "delta" != k.way)
    ]


def landed_leis(context: FetchContext, keys: Collection[Key], country: str = "") -> set[str]:
    """Every LEI that these landed partitions hold (of one country, if given)."""
    folder = context.home.landing / "gleif" / "entities"
    files = [folder / f"{k.date}-{k.way}.parquet" for k in keys]
    if not files:
        return set()
    lazy = pl.scan_parquet(files)
    if country:
        lazy = lazy.filter(pl.col("country") == country)
    return set(lazy.select("lei").unique().collect().to_series())


def believable(context: FetchContext, key: Key, partition: str, found: int) -> None:
    """Refuse a whole snapshot that has lost a fifth of the one before it. Raises BlockFile("volume")."""
    whole = [k for k in standing(context, key) if k.way in ("full", "api")]
    before = len(landed_leis(context, whole[-1:], "CN"))
    if found < before * KEEPS:
        raise BlockFile("volume", f"gleif {partition}: {found} entities of China, {before} stood on {whole[-1].date}")


def delta_window(context: FetchContext, key: Key, partition: str) -> str:
    """The smallest delta file that reaches back to what stands before the date. Raises SourceError(never_run) where no
    whole snapshot stands, or none that any delta reaches."""
    before = standing(context, key)
    if not any(k.way in ("full", "api") for k in before):
        raise SourceError(
            Health.never_run,
            f"gleif {partition}: refused, since no whole snapshot of that date or before has landed; land a "
            f"`<date>-full` first",
        )
    gap = (key.date - before[-1].date).days
    for window, days in WINDOWS:
        if gap <= days:
            return window
    raise SourceError(
        Health.never_run,
        f"gleif {partition}: refused, since the newest state before it is {gap} days old and no delta reaches so far; "
        f"land {key.date}-full",
    )


# -- publications and their files -----------------------------------------------------------------------------
def publications(web: Fetcher, number: int, size: int) -> list[dict[str, Any]]:
    """One page of the list of publications, newest first."""
    params = {"page": str(number), "per_page": str(size)}
    page = web.get(PUBLISHES, params=params, expect="json", key="publishes.json", robots_exempt=DOCUMENTED)
    return items(at(read_json(page.body, page.key), "data"), "publishes data")


def date_of(publish: dict[str, Any]) -> dt.datetime:
    """When a publication was made (`2026-06-12 08:00:00`, UTC). Raises RejectFile("schema_changed")."""
    try:
        return dt.datetime.fromisoformat(str(publish.get("publish_date", "")).replace(" ", "T").removesuffix("Z"))
    except ValueError:
        raise RejectFile("schema_changed", "publishes: no publish_date, or one that is none") from None


def publication(web: Fetcher, date: dt.date) -> dict[str, Any]:
    """The first publication of a date. Raises SourceError(gone) where the list has none."""
    best: dict[str, Any] | None = None
    for number in range(1, PUBLISHES_PAGES + 1):
        listed = publications(web, number, PUBLISHES_PAGE)
        for publish in listed:
            if date_of(publish).date() == date and (best is None or date_of(publish) < date_of(best)):
                best = publish
        if len(listed) < PUBLISHES_PAGE or min(date_of(p) for p in listed).date() < date:
            break
    if best is None:
        raise SourceError(Health.gone, f"gleif: the list of publications has none of {date}")
    return best


def downloaded(
    context: FetchContext, web: Fetcher, publish: dict[str, Any], kind: str, window: str, place: Path
) -> tuple[Path, Page, int | None]:
    """A file of a publication on disk, of the size that the publisher states; its Page without a body yet, and how
    many records it should have. Raises BlockFile("incomplete") for another size."""
    stamp = f"{date_of(publish):%Y%m%d-%H%M}"
    where = f"{kind}-{window}-{stamp}.csv"
    steps = ("full_file", "csv") if window == "full" else ("delta_files", window, "csv")
    file = at(publish, kind, *steps)
    url, size, records = at(file, "url"), at(file, "size"), at(file, "record_count")
    if not isinstance(url, str):
        raise RejectFile("schema_changed", f"publishes: no url of {kind} {' '.join(steps)} of {stamp}")
    free = shutil.disk_usage(place).free
    if isinstance(size, int) and size + 200_000_000 > free:
        raise SourceError(Health.unreachable, f"{where}: {size / 1e6:.0f} MB, and only {free / 1e6:.0f} MB of disk are free")
    archive = place / f"{kind}.zip"
    context.say(f"gleif: downloading {where}" + (f" ({size / 1e6:.1f} MB)" if isinstance(size, int) else ""))
    digest, headers = web.download(url, archive, limits=FILE_LIMITS, robots_exempt=DOCUMENTED)
    if isinstance(size, int) and size != archive.stat().st_size:
        raise BlockFile("incomplete", f"{where}: {archive.stat().st_size} bytes, the publisher states {size}")
    page = Page(url=url, body=b"", fetched_at=now(), headers=headers, key=where, original_sha256=digest)
    return archive, page, records if isinstance(records, int) else None


def complete(found: int, stated: int | None, where: str) -> None:
    """Refuse a file of other than the stated records. Raises BlockFile("incomplete")."""
    if stated is not None:
        expect_total(found, stated, where)


def csv_bytes(frame: pl.DataFrame) -> bytes:
    """The kept rows as CSV, ordered by all columns, so that equal content has equal bytes."""
    return frame.sort(frame.columns).write_csv().encode("utf-8")


# -- the API --------------------------------------------------------------------------------------------------
def through_api(context: FetchContext, web: Fetcher, date: dt.date) -> tuple[list[Page], set[str]]:
    """All pages of China by cursor, of one state. Asked anew where the state changes between pages (three times a day
    it does). Raises SourceError(gone) where the API's state is of another date: it knows only the newest."""
    for _ in range(RESTARTS):
        pages: list[Page] = []
        leis: set[str] = set()
        state = ""
        url: str | None = RECORDS
        params: dict[str, str] | None = {
            "filter[entity.legalAddress.country]": "CN", "page[size]": str(PAGE_ROWS), "page[cursor]": "*",
        }  # fmt: skip
        seen: set[str] = set()
        while url is not None:
            page = web.get(
                url, params=params, headers=ACCEPT, expect="json", key=f"cn-{len(pages) + 1:04d}.json", robots_exempt=DOCUMENTED
            )
            reply = read_json(page.body, page.key)
            published = at(reply, "meta", "goldenCopy", "publishDate")
            if not isinstance(published, str):
                raise RejectFile("schema_changed", f"{page.key}: no meta.goldenCopy.publishDate")
            if not published.startswith(date.isoformat()):
                raise SourceError(
                    Health.gone, f"gleif: the API serves the state of {published[:10]}, not of {date}; it has no history"
                )
            if state and published != state:
                context.say(f"gleif: {published} was published while {state} was read; asked anew")
                break
            state = published
            page, found = withhold(page, reply)
            leis |= found
            pages.append(page)
            if len(pages) % 25 == 0:
                context.say(f"gleif: {len(leis)} of {at(reply, 'meta', 'pagination', 'total')} entities read")
            following = at(reply, "links", "next")
            if following is not None and (following in seen or len(pages) >= MAX_PAGES):
                raise RejectFile("paging", f"{page.key}: the next page is one that was read")
            url, params = following, None
            seen.add(str(following))
        else:
            return pages, leis
    raise SourceError(Health.unreachable, f"gleif: a new state was published {RESTARTS} times while it was read")


def withhold(page: Page, reply: object) -> tuple[Page, set[str]]:
    """The page without records of sole proprietors (counted still), and the LEIs that are left."""
    data = items(at(reply, "data"), f"{page.key} data")
    kept = [WITHHELD if at(r, "attributes", "entity", "category") == columns.PERSON_CATEGORY else r for r in data]
    leis = {str(at(record, "attributes", "lei")) for record in kept if record is not WITHHELD}
    if all(a is b for a, b in zip(kept, data, strict=True)):
        return page, leis
    assert isinstance(reply, dict)
    body = json.dumps({**reply, "data": kept}, ensure_ascii=False).encode("utf-8")
    return replace(page, body=body, original_sha256=page.original_sha256 or hashlib.sha256(page.body).hexdigest()), leis


def looked_up(web: Fetcher, leis: Collection[str]) -> list[Page]:
    """The records of given LEIs (parents abroad), two hundred a request."""
    pages = []
    wanted = sorted(leis)
    for start in range(0, len(wanted), PAGE_ROWS):
        params = {"filter[lei]": ",".join(wanted[start : start + PAGE_ROWS]), "page[size]": str(PAGE_ROWS)}
        number = start // PAGE_ROWS + 1
        page = web.get(RECORDS, params=params, headers=ACCEPT, expect="json", key=f"abroad-{number:04d}.json", robots_exempt=DOCUMENTED)
        pages.append(withhold(page, read_json(page.body, page.key))[0])
    return pages


# -- which partitions there are -------------------------------------------------------------------------------
def list_publications(context: FetchContext) -> list[str]:
    """The newest publication, as the whole file where nothing stands that a delta reaches, else as a delta; nothing
    where it has landed. Earlier dates are a backfill's."""
    listed = publications(fetcher_of(context), 1, 3)
    if not listed:
        raise SourceError(Health.empty, "gleif: the list of publications is empty")
    newest = max(date_of(publish) for publish in listed).date()
    landed = [key for key in landed_keys(context) if key.date <= newest]
    if not any(key.way in ("full", "api") for key in landed):
        return [f"{newest}-full"]
    gap = (newest - landed[-1].date).days
    if gap == 0:
        return []
    return [f"{newest}-delta" if gap <= WINDOWS[-1][1] else f"{newest}-full"]
