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
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl

from sources.base import (
    QUARANTINE_SCHEMA,
    BlockFile,
    FetchContext,
    Health,
    Page,
    ParseContext,
    Parsed,
    RejectFile,
    Source,
    SourceError,
    Table,
)
from sources.home import CHECKOUT, SEEDS, Home, atomic_path, move_durably, sha256_of, write_atomic
from sources.raw import RawStore
from sources.scrub import redact_bytes

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
    fetched_at: str = ""  # when the bytes that stand now were got
    checked_at: str = ""  # when the source was last asked

    @property
    def digest(self) -> str:
        """What a build depends on: the content, not the time of the last look."""
        body = {k: v for k, v in asdict(self).items() if k not in ("checked_at", "outcome")}
        return hashlib.sha256(json.dumps(body, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


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
        folder = self.home.landing / source.name / "_accounts"
        return [Account(**json.loads(p.read_text("utf-8"))) for p in sorted(folder.glob("*.json"))]

    # -- the way of one partition ------------------------------------------------------------------------
    def partitions(self, source: Source) -> list[str]:
        """The partitions that a refresh should ask for."""
        if source.list_partitions is None:
            return [ALL]
        return source.list_partitions(self.fetch_context(source))

    def fetch_context(self, source: Source) -> FetchContext:
        previous = self._validators.setdefault(source.name, self.store.validators(source.name))
        return FetchContext(home=self.home, web=self.web, previous=previous, say=self.say, memo=self.memo)

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
        except SourceError as error:
            return self._hold(source, partition, before, "failed", error.health, str(error), now)
        except RejectFile as error:
            outcome = "blocked" if isinstance(error, BlockFile) else "rejected"
            return self._hold(source, partition, before, outcome, Health.schema_changed, str(error), now, error)
        try:
            return self._keep_and_parse(source, partition, pages, now)
        finally:
            for page in pages:
                if page.made is not None:
                    page.made.close()

    def _keep_and_parse(self, source: Source, partition: str, pages: list[Page], now: dt.datetime) -> Account:
        latest = self.store.latest(source.name, partition)
        if latest is None or [p["sha256"] for p in latest["pages"]] != [p.sha256 for p in pages]:
            latest = self.store.record(source.name, partition, pages, Health.ok)
        else:
            for page in pages:  # a blob that was lost or cut is here again: kept anew
                if page.path is None:
                    self.store.put(page.body)
        return self.parse(source, partition, latest, checked_at=now, pages=pages)

    def parse(
        self, source: Source, partition: str, entry: Mapping[str, Any], checked_at: dt.datetime | None = None,
        pages: Sequence[Page] | None = None,
    ) -> Account:  # fmt: skip
        """Parse a kept snapshot (again) and write its tables, quarantine and account; skipped when neither
        bytes, code nor vocabulary have changed. `pages`: those of the snapshot, if they are at hand."""
        now = checked_at or dt.datetime.now(dt.UTC)
        before = self.account(source, partition)
        entries: list[Mapping[str, Any]] = [entry]
        if source.history:
            entries = [e for e in self.store.entries(source.name, partition) if e["health"] == Health.ok]
        known = [p["sha256"] + p["key"] for e in entries for p in e["pages"]]
        digest = hashlib.sha256("\n".join([*known, code_digest(source)]).encode()).hexdigest()
        enriched = source.enrich is not None and all(p.get("file") for p in entry["pages"])
        parsed_digest = hashlib.sha256("\n".join([*known, code_digest(source, enriched)]).encode()).hexdigest()
        stands = before is not None and all(schema_of(self.table_path(source, t, partition)) is not None for t in before.tables)
        if before is not None and stands and before.input_digest == digest and before.outcome not in ("failed",):
            if before.outcome == "landed":
                before.outcome = "unchanged"
            before.checked_at = now.isoformat(timespec="seconds")
            self._write_account(source, before)
            return before
        fetched = max((p["fetched_at"] for p in entry["pages"]), default=entry["fetched_at"])
        today = dt.datetime.fromisoformat(entry["fetched_at"]).date()
        account = Account(
            source=source.name, partition=partition, outcome="landed", health=Health.ok,
            parsed_digest=parsed_digest, fetched_at=fetched, checked_at=now.isoformat(timespec="seconds"),
            file="; ".join(sorted({p["key"] for p in entry["pages"]}))[:500],
        )  # fmt: skip
        context = ParseContext(partition=partition, today=today, seeds=SEEDS)
        if (
            enriched and before is not None and stands and before.parsed_digest == parsed_digest
            and before.outcome in ("landed", "unchanged") and self._as_entered(source, before)
        ):  # fmt: skip
            before.outcome, before.checked_at = "landed", account.checked_at
            self._disown(source, before, parsed=False)
            self._enrich(source, pages or list(self.store.pages(dict(entry))), context, before, digest)
            return before
        at_hand = pages if pages is not None and not source.history else None
        try:
            parsed = source.parse(iter(at_hand) if at_hand else chain.from_iterable(self.store.pages(dict(e)) for e in entries), context)
            with _taken_over(parsed.tables):
                check_parsed(source, parsed)
        except RejectFile as error:
            account.input_digest = digest
            account.outcome = "blocked" if isinstance(error, BlockFile) else "rejected"
            account.health = Health.schema_changed
            account.message = str(error)
            account.reasons = {error.reason: 1}
            if before is not None and before.tables:  # the last good landing stands, and so do its books
                account.tables, account.digests, account.enriched = before.tables, before.digests, before.enriched
                account.records_in, account.accepted = before.records_in, before.accepted
                account.quarantined = before.quarantined
            else:
                self._write_quarantine(source, partition, pl.DataFrame(
                    [{"page_key": account.file, "record": None, "reason": error.reason,
                      "detail": error.detail, "payload": None}], schema=QUARANTINE_SCHEMA))  # fmt: skip
            self._write_account(source, account)
            return account
        with _taken_over(parsed.tables):
            if before is not None:
                self._disown(source, before, parsed=True)
            if enriched:
                account.message = TO_BE_ENRICHED
            else:
                account.input_digest = digest
            self._write(source, partition, parsed, entry, account)
        if enriched:
            self._enrich(source, at_hand or list(self.store.pages(dict(entry))), context, account, digest)
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
        is gone: old partitions are not fetched again, and must not keep old decisions. Returns the accounts of what
        was looked at; none where nothing changed since the last time."""
        stamp = self.home.landing / source.name / "_code"
        if stamp.exists() and stamp.read_text("utf-8") == code_digest(source):
            return []
        newest = {e["partition"]: e for e in self.store.entries(source.name) if e["health"] == Health.ok}
        done = []
        for partition, entry in newest.items():
            before = self.account(source, partition)
            asked = dt.datetime.fromisoformat((before and before.checked_at) or entry["fetched_at"])
            failure = (before.outcome, before.health, before.message) if before and before.outcome == "failed" else None
            account = self.parse(source, partition, entry, checked_at=asked)
            if failure:  # still not reached the last time, whatever was made of what is kept
                account.outcome, account.health, account.message = failure
                self._write_account(source, account)
            done.append(account)
        write_atomic(stamp, code_digest(source))
        return done

    def _hold(
        self, source: Source, partition: str, before: Account | None, outcome: str, health: Health,
        message: str, now: dt.datetime, refusal: RejectFile | None = None,
    ) -> Account:  # fmt: skip
        account = before or Account(source=source.name, partition=partition, outcome=outcome, health=health)
        account.outcome, account.health, account.message = outcome, health, message
        account.checked_at = now.isoformat(timespec="seconds")
        if refusal is not None:
            account.reasons = {refusal.reason: 1}
            if not account.tables:  # nothing landed before: the refusal is all that is known of this partition
                self._write_quarantine(source, partition, pl.DataFrame(
                    [{"page_key": account.file or partition, "record": None, "reason": refusal.reason,
                      "detail": refusal.detail, "payload": None}], schema=QUARANTINE_SCHEMA))  # fmt: skip
        self._write_account(source, account)
        return account

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
                    pl.lit(account.fetched_at).alias("_fetched_at"),
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
        rows, declared, digests = [], [], []
        for source in sources:
            self.ensure_schema(source)
            digests += [
                hashlib.sha256(self.table_path(source, t.name, DECLARED).read_bytes()).hexdigest()
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
                digests.append(account.digest)
                rows.append(
                    {
                        "source": account.source, "partition": account.partition, "outcome": account.outcome,
                        "health": account.health, "records_in": account.records_in,
                        "accepted": account.accepted, "quarantined": account.quarantined,
                        "message": account.message, "file": account.file, "fetched_at": account.fetched_at,
                        "checked_at": account.checked_at,
                        "notes": json.dumps(account.notes, ensure_ascii=False),
                        "reasons": json.dumps(account.reasons, ensure_ascii=False),
                        "rows": sum(account.tables.values()),
                    }
                )  # fmt: skip
        schema = {
            "source": pl.String, "partition": pl.String, "outcome": pl.String, "health": pl.String,
            "records_in": pl.Int64, "accepted": pl.Int64, "quarantined": pl.Int64, "message": pl.String,
            "file": pl.String, "fetched_at": pl.String, "checked_at": pl.String, "notes": pl.String,
            "reasons": pl.String, "rows": pl.Int64,
        }  # fmt: skip
        meta = self.home.landing / "_meta"
        with atomic_path(meta / "accounts.parquet") as tmp:
            pl.DataFrame(rows, schema=schema).write_parquet(tmp)
        with atomic_path(meta / "sources.parquet") as tmp:
            pl.DataFrame(declared).write_parquet(tmp)
        return hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()


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


_CODE_DIGESTS: dict[tuple[str, bool], str] = {}


def code_digest(source: Source, parsing: bool = False) -> str:
    """Digest of what a landing depends on beside the bytes: the source's code, the shared modules, its vocabulary.
    `parsing`: without the vocabulary of what is made out of the landed tables."""
    key = (source.name, parsing)
    if key not in _CODE_DIGESTS:
        folder = CHECKOUT / "sources"
        files = sorted(folder.glob("*.py")) + sorted((folder / source.name).glob("**/*.py"))
        files += [SEEDS / name for name in source.vocabulary if not (parsing and name in source.enrich_vocabulary)]
        digest = hashlib.sha256()
        for path in files:
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
        _CODE_DIGESTS[key] = digest.hexdigest()
    return _CODE_DIGESTS[key]


def page_of(path: Path, body: bytes | None = None, key: str = "") -> Page:
    """A Page for a text file of the checkout or the inbox, without personal data. Its time is the fetch, not the file's:
    clones differ."""
    data = path.read_bytes() if body is None else body
    return Page(
        url=f"file:{key or path.name}",
        body=redact_bytes(data),
        original_sha256=hashlib.sha256(data).hexdigest(),
        fetched_at=dt.datetime.now(dt.UTC).replace(microsecond=0),
        key=key or path.name,
    )
