"""The inbox: files that a person brings, each of a kind, judged record by record.

Belongs here: the declaration, and finding, reading and parsing the files under `$EVATLAS_HOME/inbox/<kind>/`.
Does not belong here: values and guards (judge.py), columns and header words (kinds.py, columns.json).

A file is its kind and its path (shelf.py): the same path again replaces what it said, equal bytes under two paths count
once, and taking a file out of the folder changes nothing, since what has landed stands (sources/inbox/withdraw.py takes it out).
"""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from ingest.declaration import (
    QUARANTINE_SCHEMA,
    BlockFile,
    FetchContext,
    Page,
    ParseContext,
    Parsed,
    RejectFile,
    Source,
    StandsAside,
    Table,
)
from ingest.files.open import TABULAR, media_of
from ingest.firms.enrichment import EXTRACT, VOCABULARY, extract
from ingest.firms.places import PLACE_SEEDS
from ingest.home import sha256_of
from ingest.policies.coding import code_frame
from ingest.policies.facts import POLICY_FACTS, fact_row
from ingest.policies.tables import POLICY_INSTRUMENT_KEY, POLICY_INSTRUMENTS
from ingest.store.raw import MissingBlob, RawStore
from ingest.text.values import china_day
from sources.inbox.anomalies import Judged
from sources.inbox.bulk import is_bulk, read_and_judge
from sources.inbox.bulk.judge import judge_bulk
from sources.inbox.bulk.lanes import meta_of, scratch
from sources.inbox.bulk.sector import sector_bulk
from sources.inbox.judge import judge
from sources.inbox.kinds import KINDS, LANDED, SCHEMAS
from sources.inbox.scrubbed import FORMAT, UNENDED, Scrubbed, read, said_of
from sources.inbox.shelf import (
    LOST_BLOB,
    Known,
    files_by_partition,
    first_look,
    forget_refusal,
    known_files,
    record_forgotten,
    refusal_of,
    refused_files,
    refused_here,
    remember_refusal,
    set_aside,
    settled,
    shown,
    signature,
    withdrawn,
)


def manifest_of(path: Path) -> dict[str, Any]:
    """What `<file>.manifest.json` or the folder's `manifest.json` says of a file (rows, bytes, sha256, previous_rows,
    previous, threshold, accept_anomalies); empty where neither speaks of it or neither can be read."""
    found: dict[str, Any] = {}
    for sidecar in (path.with_name("manifest.json"), path.with_name(path.name + ".manifest.json")):
        try:
            if not sidecar.is_file() or sidecar.stat().st_size > 4 << 20:
                continue
            said = json.loads(sidecar.read_text("utf-8-sig"))
        except (ValueError, RecursionError, OSError):
            continue
        if sidecar.name == "manifest.json" and isinstance(said, dict):
            said = said.get("files", said)
            if isinstance(said, dict):
                said = said.get(path.name)
            elif isinstance(said, list):
                named = [e for e in said if isinstance(e, dict)
                         and path.name in (e.get("file"), e.get("name"), e.get("path"))]  # fmt: skip
                said = named[0] if named else None
        if isinstance(said, dict):
            found.update(said)
    return found


def _known_sha256(ctx: FetchContext, path: Path, at: tuple[int, ...]) -> str:
    """sha256_of, once for as long as the file is the same to the file system (`at` is its signature)."""
    key = ("inbox sha256", str(path), *at)
    if key not in ctx.memo:
        ctx.memo[key] = sha256_of(path)
    return str(ctx.memo[key])


def list_partitions(ctx: FetchContext) -> list[str]:
    """The files in the inbox, and those that were there once (they are parsed again when the code changes), in the order of
    files: which of two files of equal bytes counts must not depend on which came first."""
    here = files_by_partition(ctx.home.inbox)
    known = known_files(ctx.store)
    for _, _, path in here.values():
        first_look(ctx.memo, path)
    landed = set(ctx.landed.partitions())
    former = [name for k in known.values() for name in k.former if name in landed]
    # files that were never taken and do not lie here: deleted, or left behind when the home was moved (see `fetch`)
    refused = {*refused_files(ctx.store), *landed}
    former += sorted(refused - known.keys() - here.keys() - set(former))
    places = {partition: k.place for partition, k in known.items()}
    places.update({p: (KINDS.index(kind), shown(kind, name), p) for p, (kind, name, _) in here.items()})
    ctx.memo["inbox paths"] = here
    return [*former, *sorted(places, key=lambda partition: places[partition])]


def _lying(ctx: FetchContext, partition: str) -> tuple[str, str, Path] | None:
    """(kind, name, path) of the file of a partition, if it lies in the inbox."""
    found: tuple[str, str, Path] | None = ctx.memo.get("inbox paths", {}).get(partition)
    if found is None or not found[2].is_file():
        found = files_by_partition(ctx.home.inbox).get(partition)
    return found


def fetch(ctx: FetchContext, partition: str) -> Iterator[Page]:
    """The file of a partition as scrubbed records. What was read before in the same way is not read again. Raises
    RejectFile for a file that cannot be read (yet), BlockFile for one that seems to be another than the one it replaces,
    StandsAside for a withdrawn one."""
    store = ctx.store
    aside = set_aside(store).get(partition)
    if aside is not None and not aside.outcome:
        raise aside
    known = known_files(store).get(partition)
    lying = _lying(ctx, partition)
    if lying is None:
        yield from _pages_of_no_file(ctx, store, partition, known)
        return
    kind, name, path = lying
    file = shown(kind, name)
    try:
        pages = _pages_of_file(ctx, store, partition, known, kind, path, file)
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        refusal = RejectFile("unreadable", f"{file}: {type(error).__name__}: {error.strerror}")
        refusal.file = file
        remember_refusal(ctx.home.landing, partition)
        raise refusal from None
    except RejectFile as refusal:
        refusal.file = file
        remember_refusal(ctx.home.landing, partition)
        raise
    forget_refusal(ctx.home.landing, partition)
    yield from pages


def _pages_of_no_file(ctx: FetchContext, store: RawStore, partition: str, known: Known | None) -> list[Page]:
    """Of a file that lies in the inbox no longer: what is kept of it stands."""
    refused = refused_files(store).get(partition)
    if refused is not None:
        if not refused_here(ctx.home.landing, partition):  # moved without its inbox: what was said of the file holds
            raise refusal_of(refused)
        if known is None or known.entry is None:
            record_forgotten(store, partition, refused["file"])
        forget_refusal(ctx.home.landing, partition)
    if known is None:
        raise StandsAside("", f"no file of the inbox is {partition}, and nothing stands of it")
    if known.entry is None:
        raise withdrawn(known)
    try:
        return list(store.pages(known.entry))
    except MissingBlob as error:
        raise RejectFile(
            LOST_BLOB,
            f"{known.file}: {error}, and the file is no longer in the inbox: what landed of it stands; bring it again",
        ) from None


def _pages_of_file(
    ctx: FetchContext, store: RawStore, partition: str, known: Known | None, kind: str, path: Path, file: str
) -> list[Page]:  # fmt: skip
    """Of a file in the inbox: what was kept of it when it was read before in the same way, else read now. `file`: as it
    is named in audits."""
    at = settled(ctx.memo, path, file)
    sha256 = _known_sha256(ctx, path, at)
    entry = known.entry if known else None
    if known and entry and known.sha256 == sha256 and entry["pages"][0]["headers"].get("format") == str(FORMAT):
        try:
            pages = list(store.pages(entry))
            if sidecar_of(pages[0]) == said_of(manifest_of(path)):
                return pages
        except MissingBlob:  # the file still lies here: it is read again, and its blob kept anew
            entry = None
    page = _read_page(store, kind, path, file, sha256, partition)
    try:
        if signature(path) != at:
            raise RejectFile("still_growing", f"{file} changed while it was read: it is read at the next refresh")
        if entry is not None and known is not None and known.sha256 != sha256:
            check_replacement(store, ctx.home.landing, entry, page, kind, partition)
    except BaseException:
        if page.made is not None:
            page.made.close()
        raise
    return [page]


def sidecar_of(page: Page) -> dict[str, Any]:
    """What the sidecar said of a file when it was read: it may say otherwise now (`accept_anomalies`)."""
    meta = meta_of(page.path) if page.path is not None else json.loads(page.body.partition(b"\n")[0])
    return dict(meta.get("manifest") or {})


def _read_page(store: RawStore, kind: str, path: Path, file: str, sha256: str, partition: str) -> Page:
    media = media_of(path.name)
    if media not in TABULAR:
        raise RejectFile("unsupported_type", f"{file}: the inbox takes csv, csv.gz, jsonl, parquet, xlsx")
    try:
        if is_bulk(path, kind, media):
            return _read_bulk_page(store, path, kind, file, sha256, partition)
        scrubbed = read(path, kind, media, manifest_of(path))
    except RejectFile as error:
        raise type(error)(error.reason, f"{file}: {error.detail}") from None
    return Page(
        url=f"file:inbox/{file}",
        body=scrubbed.to_bytes(),
        fetched_at=dt.datetime.now(dt.UTC).replace(microsecond=0),
        headers={"format": str(FORMAT)},
        key=file,
        original_sha256=sha256,
    )


def _read_bulk_page(store: RawStore, path: Path, kind: str, file: str, sha256: str, partition: str) -> Page:
    """A national register: its scrubbed form is a file, since it is too large for memory. It is judged while it is read."""
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    said = _provenance(partition, sha256)
    with _work(store.root) as work, scratch(store.root / "tmp") as folder:
        form, out = Path(folder) / "scrubbed.parquet", work / "firms.parquet"
        reading = read_and_judge(path, kind, media_of(path.name), manifest_of(path), form, china_day(now), out, said)
        kept = store.put_file(form, reading.sha256)
    return Page(
        url=f"file:inbox/{file}",
        body=b"",
        fetched_at=now,
        headers={"format": str(FORMAT)},
        key=file,
        original_sha256=sha256,
        path=store.blob(kept),
        digest=kept,
        made=reading,
    )


def _provenance(partition: str, sha256: str) -> dict[str, str | None]:
    """Columns of every landed row. When a file was read is no part of what it says: two homes that got it on two days land the same."""
    return {"_partition": partition, "_received_sha256": sha256, "_fetched_at": None}


# -- two people's export.csv -------------------------------------------------------------------------------
REPLACE = "EVATLAS_REPLACE"
KEPT_SHARE = 0.5  # of its keys a file must find again in the one that replaces it


def check_replacement(store: RawStore, landing: Path, entry: Mapping[str, Any], page: Page, kind: str, partition: str) -> None:
    """Raises BlockFile for a file that seems to be another one than the file whose place it takes: it has less than half of
    that file's keys, or it lacks the end that its file had. EVATLAS_REPLACE=1 (`make refresh REPLACE=1`) lets it pass."""
    if os.environ.get(REPLACE, "") not in ("", "0"):
        return
    before = _keys_before(store, landing, entry, kind, partition)
    if not before:
        return
    now, cut = _keys_of_page(page, kind)
    if cut and len(now) < len(before):
        raise BlockFile(
            "truncated", f"{page.key} has {len(now)} keys and no end of its last line, the version before had {len(before)}: it seems cut; "
            "the version before stands until it comes whole (`make refresh REPLACE=1` takes it as it is)"
        )  # fmt: skip
    shared = len(before & now)
    if shared < len(before) * KEPT_SHARE:
        raise BlockFile(
            "another_file", f"{page.key} has {shared} of the {len(before)} keys of the file that it replaces: another file by the same name? "
            "The version before stands; `make refresh REPLACE=1` takes this one in its place"
        )  # fmt: skip


def _keys_before(store: RawStore, landing: Path, entry: Mapping[str, Any], kind: str, partition: str) -> set[Any]:
    """The keys of the snapshot that stands; none where it cannot be read any more."""
    kept = entry["pages"][0]
    if not kept.get("file"):
        try:
            return _keys(judge(Scrubbed.from_bytes(store.get(kept["sha256"])), china_day(dt.datetime.fromisoformat(entry["fetched_at"]))))
        except (MissingBlob, RejectFile):
            return set()
    return _keys_of_table(landing / "inbox" / kind / f"{partition}.parquet")


def _keys_of_page(page: Page, kind: str) -> tuple[set[Any], bool]:
    """The keys of a page, and whether its last line has no end. Raises RejectFile or BlockFile for what would not land."""
    if page.path is None:
        judged = judge(Scrubbed.from_bytes(page.body), china_day(page.fetched_at))
        return _keys(judged), UNENDED in judged.flags
    made = page.made.parsed(page.path, page.made.today, page.key)  # `parse` gets the same again
    return _keys_of_table(made.tables[kind]), any(code == UNENDED for code, _ in made.notes)


def _keys(judged: Judged) -> set[Any]:
    return _hashes(pl.DataFrame({"record_id": [row["record_id"] for row in judged.rows]}, schema={"record_id": pl.String}).lazy())


def _keys_of_table(path: Path) -> set[Any]:
    if not path.exists():
        return set()
    return _hashes(pl.scan_parquet(path))


def _hashes(rows: pl.LazyFrame) -> set[Any]:
    """The keys of records, without the date that they speak of, as eight bytes each."""
    return set(rows.select(pl.col("record_id").str.replace("@.*$", "").hash(seed=23)).collect(engine="streaming").to_series().to_list())


@contextmanager
def _work(raw: Path) -> Iterator[Path]:
    """A folder beside the raw store for a table that the landing takes over; gone when it was not made."""
    folder = raw / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():  # of a run that was killed before its tables were taken over
        try:
            age = time.time() - old.stat().st_mtime
        except FileNotFoundError:  # taken over meanwhile
            continue
        if age > 86_400:
            shutil.rmtree(old, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix="parsed-", dir=folder))
    try:
        yield work
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise


def _parse_bulk(page: Page, ctx: ParseContext) -> Parsed:
    """The table of a national register as a file beside the raw store, which the landing takes over."""
    assert page.path is not None
    if page.made is not None:
        parsed: Parsed = page.made.parsed(page.path, ctx.today, page.key)
        return parsed
    said = _provenance(ctx.partition, page.original_sha256)
    with _work(page.path.parents[2]) as work:
        return judge_bulk(page.path, ctx.today, work / "firms.parquet", said, page.key)


def enrich(page: Page, tables: Mapping[str, Path], ctx: ParseContext) -> Mapping[str, Any]:
    """The firms of the sector in a national register, located; of smaller files `parse` gives them."""
    if page.path is None or "firms" not in tables:
        return {}
    said = {
        "_partition": ctx.partition, "_snapshot_sha256": page.sha256,
        "_fetched_at": None,
    }  # fmt: skip
    with _work(page.path.parents[2]) as work:
        out = work / "firms_sector.parquet"
        sector_bulk(tables["firms"], page.path, ctx.seeds, out, said)
    return {"firms_sector": out}


def parse(pages: Iterable[Page], ctx: ParseContext) -> Parsed:
    """The rows of one file, with its quarantine; only the table of its kind is written."""
    page = next(iter(pages))
    if page.path is not None:
        return _parse_bulk(page, ctx)
    parsed = parsed_of(judge(Scrubbed.from_bytes(page.body), ctx.today), page.key)
    if "firms" in parsed.tables:  # sector, segments and place are decided here, once for every record
        parsed.tables["firms_sector"] = extract(parsed.tables["firms"], ctx.seeds)
        parsed.tables["firms"] = parsed.tables["firms"].select(list(LANDED["firms"]))
    if "listed_companies" in parsed.tables:
        listed = parsed.tables["listed_companies"].with_columns(
            # what a company says that it lives from stands before what it may do
            pl.concat_str("main_business", "business_scope", separator="；", ignore_nulls=True).alias("business_scope")
        )
        parsed.tables["listed_sector"] = extract(listed, ctx.seeds, unjudged=False)
    if "policies" in parsed.tables:  # coded to the sentence once, and again when the vocabulary changes
        documents = parsed.tables["policies"].with_columns(
            pl.col("record_id").alias("policy_id"), pl.lit("derived").alias("support"), pl.lit("medium").alias("confidence")
        )
        coded = code_frame(documents).unique(list(POLICY_INSTRUMENT_KEY), keep="first", maintain_order=True)
        parsed.tables["policy_instruments"] = coded.select([pl.col(c).cast(t) for c, t in POLICY_INSTRUMENTS.items()])
        parsed.tables["policy_facts"] = facts_of(parsed.tables["policies"])
    return parsed


def facts_of(policies: pl.DataFrame) -> pl.DataFrame:
    """What each policy document says of itself and of others, in a row of POLICY_FACTS; what the file states in a
    column of its own goes before what the text says."""
    return pl.DataFrame([fact_row(row) for row in policies.iter_rows(named=True)], schema=POLICY_FACTS)


def parsed_of(judged: Judged, key: str) -> Parsed:
    """A judged file as frames."""
    schema: Mapping[str, Any] = SCHEMAS[judged.kind]
    held = [{"page_key": key, **row} for row in judged.quarantine]
    return Parsed(
        tables={judged.kind: pl.DataFrame(judged.rows, schema=dict(schema), orient="row", infer_schema_length=0)},
        records_in=judged.records_in,
        accepted=judged.accepted,
        quarantine=pl.DataFrame(held, schema=QUARANTINE_SCHEMA),
        notes=judged.notes,
    )


_DESCRIPTIONS = {
    "firms": "Firms from registry extracts and lists that a person brought",
    "plants": "Plants that a person brought",
    "policies": "Policy documents that a person brought",
    "city_output": "Vehicle output of cities that a person brought",
    "miit_products": "Vehicle models announced by MIIT, from a file that a person brought",
    "admission_lists": "Firms admitted to a list of a ministry, or struck from it, as events",
    "listed_companies": "Listed companies with their credit codes, from a file that a person brought",
    "parents": "Who controls whom, as a person states it with a source",
}

SOURCE = Source(
    name="inbox",
    title="Inbox: files brought by people",
    publisher="the user",
    homepage="",
    licence="as the person who brought the file holds it",
    cadence="",
    tables=(
        *(Table(kind, LANDED[kind], ("record_id",), (0, 100_000_000), _DESCRIPTIONS[kind], by_received=kind == "firms") for kind in KINDS),
        Table("policy_instruments", POLICY_INSTRUMENTS, POLICY_INSTRUMENT_KEY, (0, 100_000_000), "Instruments coded in the policies"),
        Table("policy_facts", POLICY_FACTS, ("policy_id",), (0, 100_000_000), "What the policies say of themselves and of others"),
        Table("firms_sector", EXTRACT, ("record_id",), (0, 100_000_000), "Firms of the sector among them, located"),
        Table("listed_sector", EXTRACT, ("record_id",), (0, 100_000_000), "Listed companies of the sector among them, located"),
    ),
    vocabulary=tuple(dict.fromkeys([*VOCABULARY, *PLACE_SEEDS, "instruments.csv", "instrument_terms.csv", "segments.csv"])),
    fetch=fetch,
    parse=parse,
    enrich=enrich,
    enrich_vocabulary=VOCABULARY,
    partitions="file",
    list_partitions=list_partitions,
    set_aside=set_aside,
    aside=set_aside,
    coverage="Whatever files hold that people put into the inbox; nothing is assumed about what they leave out",
)
