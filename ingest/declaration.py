"""What a source is: its declaration, the pages it yields, and what parsing gives back.

Belongs here: the types that every source and the landing share. Does not belong here: how any one
source is reached or read, and nothing of Dagster, dbt or DuckDB (ruff's banned-api enforces it).
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from ingest.text.scrub import redact


class Health(StrEnum):
    """State of a source after an attempt to reach it. `challenged`: a captcha or script wall answered; it is
    never solved, and the last good snapshot stands."""

    ok = "ok"
    unchanged = "unchanged"
    empty = "empty"
    schema_changed = "schema_changed"
    challenged = "challenged"
    rate_limited = "rate_limited"
    gone = "gone"
    unreachable = "unreachable"
    never_run = "never_run"


class SourceError(Exception):
    """A source could not give what it declares. `health` says which state it is left in. The message is redacted: what a
    server says may hold anything."""

    def __init__(self, health: Health, message: str):
        super().__init__(redact(message))
        self.health = health


class RejectFile(Exception):
    """A whole file or page cannot be taken. `reason` is a short code; `detail` names file, record, column and cause, and
    never quotes what a cell holds (it is redacted, since names of files and columns may hold anything); `file` names the file
    alone where who raises it knows it."""

    file = ""

    def __init__(self, reason: str, detail: str = ""):
        detail = redact(detail)
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class BlockFile(RejectFile):
    """A readable file whose content looks wrong as a whole (a burst, a drop, an empty snapshot): an anomaly
    guard holds it back until a person has looked."""


class StandsAside(Exception):
    """A partition that is kept in the raw store and does not land: `outcome` says why in one word (`withdrawn`, `double`;
    "" where it goes by another name now), the message in a sentence, `file` which file it was."""

    def __init__(self, outcome: str, message: str, file: str = ""):
        super().__init__(message)
        self.outcome, self.file = outcome, file


@dataclass(frozen=True)
class Page:
    """One response or file as it came: bytes and where and when they were got.

    `body` is what the raw store keeps (already scrubbed of personal data); `sha256` is its digest and
    `original_sha256` the digest of what was received.
    """

    url: str
    body: bytes
    fetched_at: dt.datetime
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    key: str = ""  # the source's own name for this page: a file name, a page number, a document id
    original_sha256: str = ""
    path: Path | None = None  # where the (scrubbed) bytes are when they are too many for memory; `body` is then empty
    digest: str = ""  # their sha256, where whoever kept them has it
    made: Any = None  # what `fetch` made of it on the way, for `parse`: it need not be read twice; landing closes it

    @cached_property
    def sha256(self) -> str:
        if self.digest:
            return self.digest
        if self.path is None:
            return hashlib.sha256(self.body).hexdigest()
        with open(self.path, "rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()


@dataclass(frozen=True)
class Table:
    """One table of a source: its columns with Polars types, its key, and how many rows are believable.

    `bounds` = (least, most) rows a full snapshot may have; outside it the landing is blocked.
    """

    name: str
    schema: Mapping[str, Any]  # column -> Polars type
    key: tuple[str, ...]
    bounds: tuple[int, int] = (0, 10_000_000)
    description: str = ""
    declared: Callable[[], pl.DataFrame] | None = None  # rows that are part of the declaration: landed without a fetch
    by_received: bool = False  # whether its rows name the file as it was received, and not the page as it is kept


#: One record held back: which record of the page, for which reason, because of which column, what was expected there, and
#: the (scrubbed) record itself as JSON text. `column` is null where no single column is at fault. `detail` is published: it
#: never quotes a value. `payload` stays in the home.
QUARANTINE_SCHEMA: dict[str, Any] = {
    "page_key": pl.String,
    "record": pl.Int64,
    "reason": pl.String,
    "column": pl.String,
    "detail": pl.String,
    "payload": pl.String,
}


@dataclass
class Parsed:
    """What `parse` gives for one partition.

    `tables`: table name -> frame with exactly the declared columns (landing adds provenance columns), or, for what
    is too large for memory, the path of a Parquet file that has the provenance columns too; landing takes it over.
    `quarantine`: frame of QUARANTINE_SCHEMA. `records_in`: physical records met, which must equal accepted
    plus quarantined (`accepted` defaults to the rows of the first declared table, since a record may feed
    several tables). `notes`: what a person should know (columns not stored, drift), as (code, detail).
    """

    tables: dict[str, Any]  # of pl.DataFrame or Path
    records_in: int
    accepted: int
    quarantine: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=QUARANTINE_SCHEMA))
    notes: list[tuple[str, str]] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)  # sha256 of tables that are files, where it is known


@dataclass(frozen=True)
class Source:
    """The declaration of one source: who publishes it, under what licence, how often, and what it yields.

    `fetch(ctx, partition)` is the only I/O and yields Pages; `parse(pages, ctx)` is pure: bytes in, typed
    frames out. `partitions` is "" for an unpartitioned source, or the name of a partition kind
    ("month", "month_site", "batch", "publish_date", "province", "file"). `cadence` is a cron line (UTC) or "" for
    sources that change only with the checkout or when a person brings a file. `live` sources need a network.
    `vocabulary` names the seed files that parsing depends on: a change of theirs re-parses the raw bytes.

    `enrich(page, tables, ctx)` makes further tables out of what has landed, for pages that are too large for memory: a step
    of its own, which is done again alone when only `enrich_vocabulary` has changed.
    """

    name: str
    title: str
    publisher: str
    homepage: str
    licence: str
    cadence: str
    tables: tuple[Table, ...]
    fetch: Callable[[FetchContext, str], Iterator[Page]]
    parse: Callable[[Iterable[Page], ParseContext], Parsed]
    language: str = "zh"
    live: bool = False
    partitions: str = ""
    list_partitions: Callable[[FetchContext], list[str]] | None = None
    known_partitions: tuple[str, ...] = ()  # known to exist: offered for backfills, asked for by no schedule
    vocabulary: tuple[str, ...] = ()
    enrich: Callable[[Page, Mapping[str, Path], ParseContext], Mapping[str, Any]] | None = None
    enrich_vocabulary: tuple[str, ...] = ()
    as_of: str = ""  # of data bundled with the checkout: the day to which they speak (data/as_of.txt), ISO
    attribution: str = ""
    coverage: str = ""  # what the source covers and what it misses, in one sentence
    hosts: tuple[str, ...] = ()  # the only hosts that fetch may reach
    sites: tuple[str, ...] = ()  # the second dimension of partitions "month_site": a partition is `2024-05__<site>`
    sweep: Callable[[FetchContext, str], list[str]] | None = None  # a site's partitions whose lists changed since they landed
    aside: Callable[[Any], Mapping[str, StandsAside]] | None = None  # of a raw store: partitions kept there that do not land
    set_aside: Callable[[Any], Mapping[str, StandsAside]] | None = None  # of a RawStore: the partitions that are kept and do not land
    history: bool = False  # whether `parse` gets the pages of every good snapshot of its partition, oldest first
    gaps: Mapping[str, float] = field(default_factory=dict)  # host -> least seconds between requests, above the common 1

    def table(self, name: str) -> Table:
        for table in self.tables:
            if table.name == name:
                return table
        raise KeyError(f"source {self.name} declares no table {name}")


@dataclass(frozen=True)
class Landed:
    """What stands of a partition, as its audit record says: rows by table, the outcome of the last look, and when that was
    (ISO, UTC)."""

    partition: str
    outcome: str
    checked_at: str
    tables: Mapping[str, int]


class Landings(Protocol):
    """What stands of a source in this home."""

    def of(self, partition: str) -> Landed | None:
        """Of one partition; None where nobody ever asked for it."""

    def all(self) -> list[Landed]:
        """Of every partition, by name."""

    def partitions(self) -> list[str]:
        """The names of the partitions that were ever asked for, without reading what stands of them."""


class NothingLanded:
    """Of a source outside a home."""

    def of(self, partition: str) -> Landed | None:
        return None

    def all(self) -> list[Landed]:
        return []

    def partitions(self) -> list[str]:
        return []


@dataclass
class FetchContext:
    """What `fetch` may use: the home's folders, an HTTP fetcher (None for sources without a network), the raw store, what
    stands landed of the source, and `say`, which reports progress in plain words."""

    home: Any  # ingest.home.Home
    web: Any = None  # ingest.web.fetcher.Fetcher
    store: Any = None  # ingest.store.raw.RawStore
    landed: Landings = field(default_factory=NothingLanded)
    options: Mapping[str, str] = field(default_factory=dict)
    previous: Callable[[str], Mapping[str, str] | None] = lambda url: None  # validators of the last good page
    memo: dict[Any, Any] = field(default_factory=dict)  # what this run has learnt; partitions after this one may use it
    say: Callable[[str], None] = lambda message: None


@dataclass(frozen=True)
class ParseContext:
    """What `parse` may know beside the bytes: the partition and the vocabulary folder. No clock, no network;
    `today` is the day in China on which the bytes were got (of bundled data: the day that they declare), so that a
    rebuild gives the same bytes."""

    partition: str
    today: dt.date
    seeds: Any  # pathlib.Path of the vocabulary seeds
