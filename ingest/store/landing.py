"""Landing: from raw pages to typed Parquet, with an account in which nothing is lost.

Belongs here: fetching one partition of a source, keeping its bytes, parsing them, and writing one Parquet
file a table and partition, the quarantine and the account. Does not belong here: what a source's records
mean, nor any database: any number of partitions can land at once, since each writes only its own files.

Layout under the home:
  landing/<source>/<table>/<partition>.parquet   accepted rows with provenance columns
  landing/<source>/<table>/_schema.parquet       no rows; lets readers glob a table that never landed
  landing/<source>/_accounts/<partition>.json    records in = accepted + quarantined, digests, health
  quarantine/<source>/<partition>.parquet        what was held back, and why
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl

from ingest.declaration import (
    QUARANTINE_SCHEMA,
    BlockFile,
    FetchContext,
    Health,
    Landed,
    Page,
    ParseContext,
    Parsed,
    RejectFile,
    Source,
    SourceError,
    StandsAside,
    Table,
)
from ingest.home import SEEDS, Home, atomic_path, move_durably, sha256_of, write_atomic
from ingest.store.code_digest import code_digest
from ingest.store.raw import WITHDRAWN, MissingBlob, RawStore
from ingest.text.scrub import redact_bytes
from ingest.text.values import CHINA, china_day

log = logging.getLogger("evatlas.landing")

#: Every landed row carries where it came from, down to the page's digest.
PROVENANCE: dict[str, Any] = {
    "_partition": pl.String,
    "_snapshot_sha256": pl.String,
    "_fetched_at": pl.String,
}
#: Of tables whose rows name the file as it was received: its kept form is written while they are judged.
BY_RECEIVED: dict[str, Any] = {
    "_partition": pl.String,
    "_received_sha256": pl.String,
    "_fetched_at": pl.String,
}
#: What an account says between the two steps of a large file.
TO_BE_ENRICHED = "landed; sector and place are still to be decided: run it again"
ALL = "all"  # the partition of a source that has none
DECLARED = "_declared"  # the file of rows that a declaration itself gives


@dataclass
class Account:
    """What happened to one partition: the books of its records and the state of its source.

    `outcome`: landed (new or changed), unchanged, rejected, blocked (an anomaly guard holds it back),
    failed (could not be reached; the last good landing stands).
    """

    source: str
    partition: str
    outcome: str
    health: str
    records_in: int = 0
    accepted: int = 0
    quarantined: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    tables: dict[str, int] = field(default_factory=dict)  # table -> rows
    digests: dict[str, str] = field(default_factory=dict)  # table -> sha256 of the Parquet file
    input_digest: str = ""
    parsed_digest: str = ""  # the same without the vocabulary of what is made out of the landed tables
    enriched: list[str] = field(default_factory=list)  # the tables that were made so
    message: str = ""
    file: str = ""
    notes: list[list[str]] = field(default_factory=list)
    as_of: str = ""  # the day to which the bytes that stand speak: got on it (in China), or declared; of supplied files, what rows say
    fetched_at: str = ""  # when the bytes that stand now were got: for people, no part of any digest
    checked_at: str = ""  # when the source was last asked: likewise

    @property
    def content(self) -> dict[str, Any]:
        """What a build can see of the partition, without the times of looking and without what is derived from the code
        (that shows in the tables' own digests, or does not matter)."""
        kept = {k: v for k, v in asdict(self).items() if k not in NO_CONTENT}
        return {**kept, "outcome": "landed" if self.outcome in DONE else self.outcome}


#: Fields of an audit record that differ between two landings of the same bytes.
NO_CONTENT = ("fetched_at", "checked_at", "input_digest", "parsed_digest")
#: Outcomes that say only whether this run had something to do; a reader is told of the others.
DONE = ("landed", "unchanged")


class Landing:
    """Lands partitions of sources under one home."""

    def __init__(
        self, home: Home, web: Any = None, say: Callable[[str], None] | None = None, memo: dict[Any, Any] | None = None
    ):
        self.home = home
        self.store = RawStore(home.raw)
        self.web = web
        self.say = say or (lambda message: log.info(message))
        self.memo: dict[Any, Any] = {} if memo is None else memo
        self._validators: dict[str, Callable[[str], Mapping[str, str] | None]] = {}

    # -- paths ---------------------------------------------------------------------------------------
    def table_path(self, source: Source, table: str, partition: str) -> Path:
        return self.home.landing / source.name / table / f"{partition}.parquet"

    def account_path(self, source: Source, partition: str) -> Path:
        return self.home.landing / source.name / "_accounts" / f"{partition}.json"

    def quarantine_path(self, source: Source, partition: str) -> Path:
        return self.home.quarantine / source.name / f"{partition}.parquet"

    def account(self, source: Source, partition: str) -> Account | None:
        path = self.account_path(source, partition)
        return Account(**json.loads(path.read_text("utf-8"))) if path.exists() else None

    def accounts(self, source: Source) -> list[Account]:
        return [Account(**json.loads(p.read_text("utf-8"))) for p in self.account_paths(source)]

    def account_paths(self, source: Source) -> list[Path]:
        return sorted((self.home.landing / source.name / "_accounts").glob("*.json"))

    # -- the way of one partition ------------------------------------------------------------------------
    def partitions(self, source: Source) -> list[str]:
        """The partitions that a refresh should ask for."""
        if source.list_partitions is None:
            return [ALL]
        return source.list_partitions(self.fetch_context(source))

    def fetch_context(self, source: Source) -> FetchContext:
        previous = self._validators.setdefault(source.name, self.store.validators(source.name))
        return FetchContext(home=self.home, web=self.web, store=self.store, landed=AuditRecords(self, source), previous=previous, say=self.say, memo=self.memo)

    def land(self, source: Source, partition: str = ALL) -> Account:
        """Fetch, keep, parse and write one partition. Never raises for what the world does wrong: a source
        that cannot be reached, a rejected or blocked page leave the last good landing as it was, and the
        account says so. Programming errors do raise."""
        if not partition or partition.startswith(".") or "/" in partition or "\\" in partition or "\0" in partition:
            raise ValueError(f"{source.name}: {partition!r} cannot be the name of a partition")
        self.ensure_schema(source)
        now = dt.datetime.now(dt.UTC)
        before = self.account(source, partition)
        try:
            pages = list(source.fetch(self.fetch_context(source), partition))
        except StandsAside as aside:
            return self._set_aside(source, partition, aside, now)
        except (SourceError, RejectFile) as error:
            return self._in_trouble(source, partition, before, trouble_with(error), now)
        try:
            return self._keep_and_parse(source, partition, pages, now)
        finally:
            for page in pages:
                if page.made is not None:
                    page.made.close()

    def _in_trouble(
        self, source: Source, partition: str, before: Account | None, trouble: Trouble, now: dt.datetime
    ) -> Account:  # fmt: skip
        """Enter an attempt that gave nothing into the journal, once for each trouble; what landed before it stands."""
        if trouble != trouble_of(self.store.newest(source.name, partition)):
            self.store.record(source.name, partition, [], trouble.health, **trouble.said())
        kept = self.store.latest(source.name, partition)
        if kept is None and before is not None and source.aside is not None:  # what landed was withdrawn meanwhile
            self._drop(source, partition)
            before = None
        elif kept is not None and before is None:  # a landing made anew: what stood before the trouble stands again
            with suppress(MissingBlob):
                before = self.parse(source, partition, kept, checked_at=now)
        return self._hold(source, partition, before, trouble, now)

    def _keep_and_parse(self, source: Source, partition: str, pages: list[Page], now: dt.datetime) -> Account:
        latest = self.store.latest(source.name, partition)
        again = trouble_of(self.store.newest(source.name, partition)) is not None  # the journal ends with an attempt that failed
        if latest is None or again or [p["sha256"] for p in latest["pages"]] != [p.sha256 for p in pages]:
            latest = self.store.record(source.name, partition, pages, Health.ok)
        else:
            for page in pages:  # a blob that was lost or cut is here again: kept anew; one that came from the store is whole
                if page.path is None and not page.digest:
                    self.store.put(page.body)
        return self.parse(source, partition, latest, checked_at=now, pages=pages)

    def parse(
        self, source: Source, partition: str, entry: Mapping[str, Any], checked_at: dt.datetime | None = None,
        pages: Sequence[Page] | None = None,
    ) -> Account:  # fmt: skip
        """Parse a kept snapshot (again) and write its tables, quarantine and account; skipped when neither
        bytes, code nor vocabulary have changed. `pages`: those of the snapshot, if they are at hand."""
        now = checked_at or dt.datetime.now(dt.UTC)
        if source.aside is not None and (aside := source.aside(self.store).get(partition)) is not None:
            return self._set_aside(source, partition, aside, now)
        work = self._work(source, partition, entry, now, pages)
        if known := work.nothing_new():
            return self._still_stands(source, known, now)
        known = work.new_vocabulary()
        if known and self._as_entered(source, known):
            return self._enrich_again(work, known)
        account = work.new_account()
        try:
            parsed = source.parse(self._pages_to_parse(work), work.context)
            with _taken_over(parsed.tables):
                check_parsed(source, parsed)
        except RejectFile as error:
            return self._refuse(work, account, error)
        return self._accept(work, account, parsed)

    def _work(
        self, source: Source, partition: str, entry: Mapping[str, Any], now: dt.datetime, pages: Sequence[Page] | None
    ) -> _Work:  # fmt: skip
        entries: list[Mapping[str, Any]] = [entry]
        if source.history:
            entries = [e for e in self.store.entries(source.name, partition) if e["health"] == Health.ok]
        known = [p["sha256"] + p["key"] for e in entries for p in e["pages"]]
        enriched = source.enrich is not None and all(p.get("file") for p in entry["pages"])
        before = self.account(source, partition)
        readable = before is not None and all(
            schema_of(self.table_path(source, t, partition)) is not None for t in before.tables
        )
        return _Work(
            source, partition, entry, entries, pages, now, before, before if readable else None, enriched,
            digest=hashlib.sha256("\n".join([*known, code_digest(source)]).encode()).hexdigest(),
            parsed_digest=hashlib.sha256("\n".join([*known, code_digest(source, enriched)]).encode()).hexdigest(),
        )  # fmt: skip

    def _still_stands(self, source: Source, account: Account, now: dt.datetime) -> Account:
        if account.outcome == "landed":
            account.outcome = "unchanged"
        account.checked_at = now.isoformat(timespec="seconds")
        self._write_account(source, account)
        return account

    def _enrich_again(self, work: _Work, account: Account) -> Account:
        account.outcome, account.checked_at = "landed", work.now.isoformat(timespec="seconds")
        self._disown(work.source, account, parsed=False)
        pages = work.pages or list(self.store.pages(dict(work.entry)))
        self._enrich(work.source, pages, work.context, account, work.digest)
        return account

    def _pages_to_parse(self, work: _Work) -> Iterator[Page]:
        if work.at_hand:
            return iter(work.at_hand)
        return chain.from_iterable(self.store.pages(dict(e)) for e in work.entries)

    def _refuse(self, work: _Work, account: Account, error: RejectFile) -> Account:
        """A refused snapshot: the last good landing stands, and so does its audit record; where there is none, the
        refusal is all that is known of the partition."""
        trouble = trouble_with(error)
        account.input_digest = work.digest
        account.outcome, account.health, account.message = trouble.outcome, trouble.health, trouble.message
        account.reasons = {error.reason: 1}
        before = work.before
        if before is not None and before.tables:
            account.as_of = before.as_of
            account.tables, account.digests, account.enriched = before.tables, before.digests, before.enriched
            account.records_in, account.accepted = before.records_in, before.accepted
            account.quarantined = before.quarantined
        else:
            self._write_quarantine(work.source, work.partition, refusal(account.file, error.reason, error.detail))
        self._write_account(work.source, account)
        return account

    def _accept(self, work: _Work, account: Account, parsed: Parsed) -> Account:
        """Write what was parsed. A table that is made out of others comes last: until then the audit record has no
        `input_digest`, so that a landing that is cut short is taken up again."""
        source = work.source
        if not (source.as_of or source.live):
            account.as_of = said_day(parsed.tables, work.today)
        with _taken_over(parsed.tables):
            if work.before is not None:
                self._disown(source, work.before, parsed=True)
            if work.enriched:
                account.message = TO_BE_ENRICHED
            else:
                account.input_digest = work.digest
            self._write(source, work.partition, parsed, work.entry, account)
        if work.enriched:
            pages = work.at_hand or list(self.store.pages(dict(work.entry)))
            self._enrich(source, pages, work.context, account, work.digest)
        return account

    def _disown(self, source: Source, account: Account, parsed: bool) -> None:
        """Say on disk that the tables of an account are being replaced (those that were `parsed`, too): cut short, they must
        not be taken for what it says."""
        disowned = replace(account, input_digest="")
        if parsed:
            disowned.parsed_digest = ""
        else:
            disowned.message = TO_BE_ENRICHED
        self._write_account(source, disowned)

    def _as_entered(self, source: Source, account: Account) -> bool:
        """Whether the landed tables that others are made of are what the account says, to the byte."""
        entered = [name for name in account.tables if name not in account.enriched]
        for name in entered:
            if sha256_of(self.table_path(source, name, account.partition)) != account.digests.get(name):
                return False
        return bool(entered)

    def _enrich(
        self, source: Source, pages: Sequence[Page], context: ParseContext, account: Account, digest: str
    ) -> None:
        """Make further tables out of those that have landed, and enter them into the account. Until then the account has
        no `input_digest`, which says that this step is still to come."""
        assert source.enrich is not None and len(pages) == 1
        paths = {name: self.table_path(source, name, account.partition) for name in account.tables if name not in account.enriched}
        tables = source.enrich(pages[0], paths, context)
        with _taken_over(tables):
            for name, made in tables.items():
                check_table(source, name, made)
                self._write_table(source, name, made, account)
                account.enriched = sorted({*account.enriched, name})
        account.message = ""
        account.input_digest = digest
        self._write_account(source, account)

    def rebuild(self, source: Source) -> list[Account]:
        """Parse kept snapshots again, without asking anybody, after code or vocabulary have changed or where the landing
        is gone: old partitions are not fetched again, and must not keep old decisions. What went wrong at the last attempt
        is told again from the journal. Returns the accounts of what was looked at; none where nothing changed since the
        last time."""
        stamp = self.home.landing / source.name / "_code"
        if stamp.exists() and stamp.read_text("utf-8") == code_digest(source):
            return []
        good, newest = self._snapshots(source)
        asides = source.set_aside(self.store) if source.set_aside else {}
        done: list[Account] = []
        for partition, last in newest.items():
            if partition in asides:
                asked = dt.datetime.fromisoformat(last["fetched_at"])
                done.append(self._set_aside(source, partition, asides[partition], asked))
            elif account := self._rebuild_partition(source, partition, good.get(partition), last):
                done.append(account)
        write_atomic(stamp, code_digest(source))
        return done

    def _snapshots(self, source: Source) -> tuple[dict[str, Mapping[str, Any]], dict[str, Mapping[str, Any]]]:
        """The last good snapshot of each partition that was not withdrawn, and its last entry of any kind."""
        good: dict[str, Mapping[str, Any]] = {}
        newest: dict[str, Mapping[str, Any]] = {}
        for entry in self.store.entries(source.name):
            newest[entry["partition"]] = entry
            if entry["health"] == Health.ok:
                good[entry["partition"]] = entry
            elif entry["health"] == WITHDRAWN:
                good.pop(entry["partition"], None)
        return good, newest

    def _rebuild_partition(
        self, source: Source, partition: str, good: Mapping[str, Any] | None, last: Mapping[str, Any]
    ) -> Account | None:  # fmt: skip
        """Parse the good snapshot again, if there is one. Where the last attempt failed, the audit record goes on
        saying so, whatever was made of what is kept."""
        account = self.account(source, partition)
        asked = dt.datetime.fromisoformat((account and account.checked_at) or last["fetched_at"])
        trouble = trouble_of(last)
        if account is not None and account.outcome == "failed":
            trouble = Trouble(account.outcome, account.health, account.message)
        if good is not None:
            try:
                account = self.parse(source, partition, good, checked_at=asked)
            except MissingBlob as error:  # costs this partition, and no other
                trouble = Trouble(
                    "rejected", Health.gone, f"lost_blob: {error}", "lost_blob", str(error), first_key(good)
                )
        if trouble is not None:
            account = self._hold(source, partition, account, trouble, asked)
        return account

    def _hold(
        self, source: Source, partition: str, before: Account | None, trouble: Trouble, now: dt.datetime
    ) -> Account:  # fmt: skip
        account = before or Account(source=source.name, partition=partition, outcome=trouble.outcome, health=trouble.health)
        account.outcome, account.health, account.message = trouble.outcome, trouble.health, trouble.message
        account.checked_at = now.isoformat(timespec="seconds")
        if trouble.reason:
            account.reasons = {trouble.reason: 1}
            account.file = account.file or trouble.file
            account.input_digest = ""  # what stands is not of this look: the next good one parses it, whatever it was
            if not account.tables:  # nothing landed before: the refusal is all that is known of this partition
                self._write_quarantine(
                    source, partition, refusal(account.file or partition, trouble.reason, trouble.detail)
                )
        self._write_account(source, account)
        return account

    def _set_aside(self, source: Source, partition: str, aside: StandsAside, now: dt.datetime) -> Account:
        """Take what a partition landed out of the landing; the raw store keeps its bytes, and the account says why."""
        self._drop(source, partition)
        account = Account(
            source=source.name, partition=partition, outcome=aside.outcome or "moved", health=Health.ok, message=str(aside),
            file=aside.file, checked_at=now.isoformat(timespec="seconds"),
        )  # fmt: skip
        if aside.outcome:
            self._write_account(source, account)
        else:  # the partition of its other name has the account
            self.account_path(source, partition).unlink(missing_ok=True)
        return account

    def _drop(self, source: Source, partition: str) -> None:
        for table in source.tables:
            self.table_path(source, table.name, partition).unlink(missing_ok=True)
        self.quarantine_path(source, partition).unlink(missing_ok=True)

    def _write(
        self, source: Source, partition: str, parsed: Parsed, entry: Mapping[str, Any], account: Account
    ) -> None:
        snapshot = hashlib.sha256("\n".join(p["sha256"] for p in entry["pages"]).encode()).hexdigest()
        if len(entry["pages"]) == 1:
            snapshot = entry["pages"][0]["sha256"]
        for table in source.tables:
            frame = parsed.tables.get(table.name)
            if frame is None:
                continue
            if not isinstance(frame, Path):
                frame = frame.with_columns(
                    pl.lit(partition).alias("_partition"),
                    pl.lit(entry["pages"][0]["original_sha256"]).alias("_received_sha256")
                    if table.by_received else pl.lit(snapshot).alias("_snapshot_sha256"),
                    pl.lit(account.as_of if source.as_of or source.live else None, pl.String).alias("_fetched_at"),
                )  # fmt: skip
            self._write_table(source, table.name, frame, account, parsed.digests.get(table.name, ""))
        account.records_in = parsed.records_in
        account.accepted = parsed.accepted
        account.quarantined = parsed.quarantine.height
        account.reasons = {
            str(reason): int(count)
            for reason, count in parsed.quarantine.group_by("reason").len().sort("reason").iter_rows()
        }
        account.notes = [list(note) for note in parsed.notes]
        self._write_quarantine(source, partition, parsed.quarantine)
        self._write_account(source, account)

    def _write_table(
        self, source: Source, name: str, frame: pl.DataFrame | Path, account: Account, sha256: str = ""
    ) -> None:
        """Put one table, with its provenance, where it belongs, and enter it into the account."""
        path = self.table_path(source, name, account.partition)
        if isinstance(frame, Path):  # a large table, written by the parser
            account.digests[name] = sha256 or sha256_of(frame)
            account.tables[name] = height_of(frame)
            move_durably(frame, path)
            _drop_empty(frame.parent)  # the parser's scratch folder has done its work
            return
        with atomic_path(path) as tmp:
            frame.write_parquet(tmp, compression="zstd")
        account.tables[name] = frame.height
        account.digests[name] = hashlib.sha256(path.read_bytes()).hexdigest()

    def _write_quarantine(self, source: Source, partition: str, frame: pl.DataFrame) -> None:
        path = self.quarantine_path(source, partition)
        if frame.is_empty():
            path.unlink(missing_ok=True)
            return
        with atomic_path(path) as tmp:
            frame.with_columns(
                pl.lit(source.name).alias("source"), pl.lit(partition).alias("partition")
            ).write_parquet(tmp, compression="zstd")

    def _write_account(self, source: Source, account: Account) -> None:
        write_atomic(
            self.account_path(source, account.partition),
            json.dumps(asdict(account), ensure_ascii=False, indent=1, sort_keys=True),
        )

    def unbalanced(self, source: Source, account: Account) -> str:
        """How the audit record of a partition disagrees with the files that were written, in words; "" where it does not:
        records in = accepted + quarantined, and both are the rows that stand on the disk."""
        found = []
        if account.records_in != account.accepted + account.quarantined:
            found.append(f"{account.records_in} records in, {account.accepted} accepted, {account.quarantined} quarantined")
        for name, rows in account.tables.items():
            path = self.table_path(source, name, account.partition)
            height = height_of(path) if schema_of(path) is not None else None
            if height != rows:
                found.append(f"{name}: {rows} rows by the audit record, {'no readable file' if height is None else height} written")
        if account.outcome in DONE:
            path = self.quarantine_path(source, account.partition)
            held = height_of(path) if schema_of(path) is not None else 0
            if held != account.quarantined:
                found.append(f"quarantine: {account.quarantined} records by the audit record, {held} written")
        return "; ".join(found)

    # -- what readers need even where nothing landed -------------------------------------------------------
    def ensure_schema(self, source: Source) -> None:
        """An empty file of the declared schema for every table, so that a glob over a table never fails; and the rows
        of tables that are part of the declaration."""
        for table in source.tables:
            if table.declared is not None:
                self._write_declared(source, table)
            path = self.table_path(source, table.name, "_schema")
            schema = landed_schema(table)
            if schema_of(path) == schema:
                continue
            with atomic_path(path) as tmp:
                pl.DataFrame(schema=schema).write_parquet(tmp)
        path = self.home.quarantine / source.name / "_schema.parquet"
        schema = pl.Schema({**QUARANTINE_SCHEMA, "source": pl.String, "partition": pl.String})
        if schema_of(path) != schema:
            with atomic_path(path) as tmp:
                pl.DataFrame(schema=schema).write_parquet(tmp)

    def _write_declared(self, source: Source, table: Table) -> None:
        assert table.declared is not None
        frame = table.declared()
        check_parsed(source, Parsed({table.name: frame}, frame.height, frame.height))
        path = self.table_path(source, table.name, DECLARED)
        frame = frame.with_columns(
            pl.lit(DECLARED).alias("_partition"),
            pl.lit(None, pl.String).alias("_snapshot_sha256"),
            pl.lit(None, pl.String).alias("_fetched_at"),
        )
        if schema_of(path) is not None and pl.read_parquet(path).equals(frame):
            return
        with atomic_path(path) as tmp:
            frame.write_parquet(tmp, compression="zstd")

    def write_ledger(self, sources: Iterable[Source]) -> str:
        """Write `landing/_meta/{accounts,sources}.parquet` for the warehouse; returns the digest of all that
        has landed, which tells whether a build would see anything new."""
        rows, declared, content = [], [], []
        for source in sources:
            self.ensure_schema(source)
            content += [
                {"source": source.name, "table": t.name, "digest": sha256_of(self.table_path(source, t.name, DECLARED))}
                for t in source.tables if t.declared is not None
            ]  # fmt: skip
            declared.append(
                {
                    "source": source.name, "title": source.title, "publisher": source.publisher,
                    "licence": source.licence, "url": source.homepage, "cadence": source.cadence or "on change",
                    "live": source.live, "attribution": source.attribution, "coverage": source.coverage,
                }
            )  # fmt: skip
            for account in self.accounts(source):
                content.append(account.content)
                rows.append(
                    {
                        "source": account.source, "partition": account.partition, "outcome": account.content["outcome"],
                        "health": account.health, "records_in": account.records_in,
                        "accepted": account.accepted, "quarantined": account.quarantined,
                        "message": account.message, "file": account.file, "as_of": account.as_of,
                        "checked_at": account.checked_at,
                        "notes": json.dumps(account.notes, ensure_ascii=False),
                        "reasons": json.dumps(account.reasons, ensure_ascii=False),
                        "rows": sum(account.tables.values()),
                    }
                )  # fmt: skip
        schema = {
            "source": pl.String, "partition": pl.String, "outcome": pl.String, "health": pl.String,
            "records_in": pl.Int64, "accepted": pl.Int64, "quarantined": pl.Int64, "message": pl.String,
            "file": pl.String, "as_of": pl.String, "checked_at": pl.String, "notes": pl.String,
            "reasons": pl.String, "rows": pl.Int64,
        }  # fmt: skip
        meta = self.home.landing / "_meta"
        with atomic_path(meta / "accounts.parquet") as tmp:
            pl.DataFrame(rows, schema=schema).write_parquet(tmp)
        with atomic_path(meta / "sources.parquet") as tmp:
            pl.DataFrame(declared).write_parquet(tmp)
        said = [json.dumps(each, ensure_ascii=False, sort_keys=True) for each in (*content, *declared)]
        return hashlib.sha256("\n".join(sorted(said)).encode()).hexdigest()


@dataclass(frozen=True)
class AuditRecords:
    """What stands of a source, read from its audit records: the door through which a fetch sees its own past."""

    landing: Landing
    source: Source

    def of(self, partition: str) -> Landed | None:
        account = self.landing.account(self.source, partition)
        return None if account is None else _landed(account)

    def all(self) -> list[Landed]:
        return [_landed(account) for account in self.landing.accounts(self.source)]

    def partitions(self) -> list[str]:
        return [path.stem for path in self.landing.account_paths(self.source)]


def _landed(account: Account) -> Landed:
    return Landed(account.partition, account.outcome, account.checked_at, account.tables)


@dataclass(frozen=True)
class _Work:
    """A parse to be done: the snapshot, what stands of the partition, and what says whether anything is new."""

    source: Source
    partition: str
    entry: Mapping[str, Any]
    entries: list[Mapping[str, Any]]  # the snapshot, or all good ones of a source whose history is parsed
    pages: Sequence[Page] | None
    now: dt.datetime
    before: Account | None
    stands: Account | None  # `before`, if its tables can be read
    enriched: bool  # further tables are made out of the parsed ones
    digest: str
    parsed_digest: str

    def nothing_new(self) -> Account | None:
        """The audit record that still holds: neither bytes, code nor vocabulary have changed since. None where
        something has."""
        known = self.stands
        return known if known and known.input_digest == self.digest and known.outcome != "failed" else None

    def new_vocabulary(self) -> Account | None:
        """The audit record of parsed tables that still hold, where at most the vocabulary of those made out of them is
        new."""
        known = self.stands if self.enriched else None
        return known if known and known.parsed_digest == self.parsed_digest and known.outcome in DONE else None

    @property
    def at_hand(self) -> Sequence[Page] | None:
        return None if self.source.history else self.pages

    @property
    def fetched_at(self) -> str:
        return max((p["fetched_at"] for p in self.entry["pages"]), default=str(self.entry["fetched_at"]))

    @property
    def today(self) -> dt.date:
        """The day to which the snapshot speaks: declared, or the one in China when it was got."""
        if self.source.as_of:
            return dt.date.fromisoformat(self.source.as_of)
        return china_day(dt.datetime.fromisoformat(self.fetched_at))

    @property
    def context(self) -> ParseContext:
        return ParseContext(partition=self.partition, today=self.today, seeds=SEEDS)

    def new_account(self) -> Account:
        return Account(
            source=self.source.name, partition=self.partition, outcome="landed", health=Health.ok,
            parsed_digest=self.parsed_digest, as_of=self.today.isoformat() if self.source.as_of or self.source.live else "",
            fetched_at=self.fetched_at, checked_at=self.now.isoformat(timespec="seconds"),
            file="; ".join(sorted({p["key"] for p in self.entry["pages"]}))[:500],
        )  # fmt: skip


@dataclass(frozen=True)
class Trouble:
    """Why an attempt gave nothing: what the journal keeps of it, so that a home made anew from `raw/` says so too."""

    outcome: str
    health: str
    message: str
    reason: str = ""  # of a refusal: its code
    detail: str = ""
    file: str = ""

    def said(self) -> dict[str, str]:
        return {"outcome": self.outcome, "message": self.message, "reason": self.reason, "detail": self.detail, "file": self.file}


def trouble_with(error: SourceError | RejectFile) -> Trouble:
    """The trouble that an error of a source tells: not reached, or refused for what came."""
    if isinstance(error, SourceError):
        return Trouble("failed", error.health, str(error))
    outcome = "blocked" if isinstance(error, BlockFile) else "rejected"
    return Trouble(outcome, Health.schema_changed, str(error), error.reason, error.detail, error.file)


def refusal(page_key: str, reason: str, detail: str) -> pl.DataFrame:
    """The quarantine of a partition that was refused as a whole."""
    row = {"page_key": page_key, "record": None, "reason": reason, "detail": detail, "payload": None}
    return pl.DataFrame([row], schema=QUARANTINE_SCHEMA)


def first_key(entry: Mapping[str, Any]) -> str:
    """What the source calls the first page of a snapshot: of a supplied file, its kind and path."""
    return str(entry["pages"][0]["key"]) if entry["pages"] else ""


def trouble_of(entry: Mapping[str, Any] | None) -> Trouble | None:
    """The trouble that an entry of the journal tells; None for a good snapshot, or for none at all."""
    if entry is None or "outcome" not in entry:
        return None
    return Trouble(entry["outcome"], entry["health"], entry["message"], entry["reason"], entry["detail"], entry["file"])


@contextmanager
def _taken_over(tables: Mapping[str, Any]) -> Iterator[None]:
    """Tables that are files are in the landing afterwards; after an error, gone with the folder that was made for them."""
    try:
        yield
    except BaseException:
        for made in tables.values():
            if isinstance(made, Path):
                made.unlink(missing_ok=True)
                _drop_empty(made.parent)
        raise


def _drop_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def schema_of(path: Path) -> Mapping[str, Any] | None:
    """The schema of a landed file; None where there is none, or it cannot be read (cut or damaged: it is written anew)."""
    try:
        return pl.read_parquet_schema(path) if path.exists() else None
    except (pl.exceptions.PolarsError, OSError):
        return None


def said_day(tables: Mapping[str, Any], today: dt.date) -> str:
    """The newest whole day, not after `today`, that rows of a supplied file give as theirs (column `as_of`); "" for none."""
    newest = ""
    for made in tables.values():
        frame = pl.scan_parquet(made) if isinstance(made, Path) else made.lazy()
        if "as_of" in frame.collect_schema():
            days = pl.col("as_of").filter(pl.col("as_of").str.contains(r"^\d{4}-\d\d-\d\d$") & (pl.col("as_of") <= today.isoformat()))
            newest = max(newest, frame.select(days.max()).collect(engine="streaming").item() or "")
    return newest


def height_of(frame: pl.DataFrame | Path) -> int:
    """Rows of a frame, or of a Parquet file by its footer."""
    if isinstance(frame, Path):
        return int(pl.scan_parquet(frame).select(pl.len()).collect().item())
    return frame.height


def landed_schema(table: Table) -> pl.Schema:
    return pl.Schema({**table.schema, **(BY_RECEIVED if table.by_received else PROVENANCE)})


def check_parsed(source: Source, parsed: Parsed) -> None:
    """The hard gate on a parse: exact columns and types, no duplicate key, believable volume, and the books
    balance. A shape error is the parser's fault (TypeError); an unbelievable volume is the source's (BlockFile).
    """
    if parsed.records_in != parsed.accepted + parsed.quarantine.height:
        raise TypeError(
            f"{source.name}: books do not balance: {parsed.records_in} records in, {parsed.accepted} accepted, "
            f"{parsed.quarantine.height} quarantined"
        )
    for name, frame in parsed.tables.items():
        check_table(source, name, frame)


def check_table(source: Source, name: str, frame: pl.DataFrame | Path) -> None:
    """The part of `check_parsed` that looks at one table."""
    table = source.table(name)
    if isinstance(frame, Path):
        have, want = dict(pl.read_parquet_schema(frame)), dict(landed_schema(table))
    else:
        have, want = dict(frame.schema), dict(pl.Schema(table.schema))
    if have != want:
        raise TypeError(
            f"{source.name}.{name}: parsed columns differ from the declaration: "
            f"{sorted(set(map(str, have.items())) ^ set(map(str, want.items())))}"
        )
    height = height_of(frame)
    if table.key and height:
        if isinstance(frame, Path):  # hashes of the key alone: eight bytes a row, sorted
            key = pl.col(table.key[0]) if len(table.key) == 1 else pl.struct(table.key)
            keys = pl.scan_parquet(frame).select(key.hash(seed=17)).collect(engine="streaming").to_series().to_numpy().copy()
            keys.sort()  # in place: a set of them takes several times their room
            doubles = int((keys[1:] == keys[:-1]).sum())
        else:
            doubles = int(frame.select(table.key).is_duplicated().sum())
        if doubles:
            raise BlockFile("duplicate_key", f"{source.name}.{name}: {doubles} rows share {table.key}")
    least, most = table.bounds
    if not least <= height <= most:
        raise BlockFile("volume", f"{source.name}.{name}: {height} rows, believable are {least}-{most}")


def page_of(path: Path, as_of: str) -> Page:
    """A Page for a bundled text file, without personal data. Its time is the day that the data declare (ISO): clones are made
    on many days."""
    data = path.read_bytes()
    return Page(
        url=f"file:{path.name}", body=redact_bytes(data), original_sha256=hashlib.sha256(data).hexdigest(),
        fetched_at=dt.datetime.fromisoformat(as_of).replace(tzinfo=CHINA), key=path.name,
    )  # fmt: skip
