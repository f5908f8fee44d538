"""The inbox: files that a person brings, each of a kind, judged record by record.

Belongs here: the declaration, and finding, reading and parsing the files under `$EVATLAS_HOME/inbox/<kind>/`.
Does not belong here: values and guards (judge.py), columns and header words (kinds.py, columns.json).

A partition is `<kind>-<first 16 hex digits of the file's sha256>`: a file is what it holds, so bringing it
twice changes nothing, and taking it out of the folder changes nothing, since what has landed stands.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from sources.base import QUARANTINE_SCHEMA, FetchContext, Page, ParseContext, Parsed, RejectFile, Source, Table
from sources.files import TABULAR, media_of
from sources.firm_enrichment import EXTRACT, VOCABULARY, extract
from sources.home import sha256_of
from sources.inbox.bulk import is_bulk, read_and_judge
from sources.inbox.bulk.judge import judge_bulk
from sources.inbox.bulk.lanes import scratch
from sources.inbox.bulk.sector import sector_bulk
from sources.inbox.judge import FORMAT, Judged, Scrubbed, judge, read
from sources.inbox.kinds import KINDS, LANDED, SCHEMAS
from sources.policy_coding import code_frame
from sources.policy_relations import POLICY_FACTS, fact_row
from sources.policy_tables import POLICY_INSTRUMENT_KEY, POLICY_INSTRUMENTS
from sources.raw import RawStore
from sources.scrub import redact

SIDECARS = ("manifest.json",)


def is_sidecar(path: Path) -> bool:
    return path.name in SIDECARS or path.name.endswith(".manifest.json")


def manifest_of(path: Path) -> dict[str, Any]:
    """What `<file>.manifest.json` or the folder's `manifest.json` says of a file (rows, bytes, sha256, previous_rows,
    previous, threshold, accept_anomalies); empty where neither speaks of it or neither can be read."""
    found: dict[str, Any] = {}
    for sidecar in (path.with_name("manifest.json"), path.with_name(path.name + ".manifest.json")):
        if not sidecar.is_file() or sidecar.stat().st_size > 4 << 20:
            continue
        try:
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


def inbox_files(inbox: Path) -> Iterator[tuple[str, Path]]:
    """(kind, path) of every file that was brought, sidecars and hidden files aside, in a fixed order."""
    for kind in KINDS:
        folder = inbox / kind
        if folder.is_dir():
            for path in sorted(folder.iterdir()):
                if path.is_file() and not path.name.startswith((".", "~$")) and not is_sidecar(path):
                    yield kind, path


def _known_sha256(ctx: FetchContext, path: Path) -> str:
    """sha256_of, once for as long as the file is the same to the file system: each partition of many asks for all files."""
    at = path.stat()
    key = ("inbox sha256", str(path), at.st_dev, at.st_ino, at.st_size, at.st_mtime_ns, at.st_ctime_ns)
    if key not in ctx.memo:
        ctx.memo[key] = sha256_of(path)
    return str(ctx.memo[key])


def partition_of(kind: str, sha256: str) -> str:
    return f"{kind}-{sha256[:16]}"


def list_partitions(ctx: FetchContext) -> list[str]:
    """The files in the inbox, and those that were there once: the latter are parsed again when the code changes."""
    here = [partition_of(kind, _known_sha256(ctx, path)) for kind, path in inbox_files(ctx.home.inbox)]
    landed = [entry["partition"] for entry in RawStore(ctx.home.raw).entries("inbox")]
    return list(dict.fromkeys([*here, *landed]))


def fetch(ctx: FetchContext, partition: str) -> Iterator[Page]:
    """The file of a partition as scrubbed records. What was read before in the same way is not read again."""
    store = RawStore(ctx.home.raw)
    latest = store.latest("inbox", partition)
    if latest is not None and latest["pages"][0]["headers"].get("format") == str(FORMAT):
        yield from store.pages(latest)
        return
    for kind, path in inbox_files(ctx.home.inbox):
        sha256 = _known_sha256(ctx, path) if partition.startswith(kind + "-") else ""
        if sha256 and partition_of(kind, sha256) == partition:
            yield from _read_page(store, kind, path, sha256)
            return
    if latest is not None:  # gone from the inbox: what is kept of it stands
        yield from store.pages(latest)
        return
    raise RejectFile("gone", f"no file of the inbox is {partition}")


def _read_page(store: RawStore, kind: str, path: Path, sha256: str) -> Iterator[Page]:
    media = media_of(path.name)
    name = f"{kind}/{redact(path.name)}"
    if media not in TABULAR:
        raise RejectFile("unsupported_type", f"{name}: the inbox takes csv, csv.gz, jsonl, parquet, xlsx")
    try:
        if is_bulk(path, kind, media):
            yield from _read_bulk_page(store, path, kind, name, sha256)
            return
        scrubbed = read(path, kind, media, manifest_of(path))
    except RejectFile as error:
        raise type(error)(error.reason, f"{name}: {error.detail}") from None
    yield Page(
        url=f"file:inbox/{name}",
        body=scrubbed.to_bytes(),
        fetched_at=dt.datetime.now(dt.UTC).replace(microsecond=0),
        headers={"format": str(FORMAT)},
        key=name,
        original_sha256=sha256,
    )


def _read_bulk_page(store: RawStore, path: Path, kind: str, name: str, sha256: str) -> Iterator[Page]:
    """A national register: its scrubbed form is a file, since it is too large for memory. It is judged while it is read."""
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    said = _provenance(partition_of(kind, sha256), sha256, now)
    with _work(store.root) as work, scratch(store.root / "tmp") as folder:
        form, out = Path(folder) / "scrubbed.parquet", work / "firms.parquet"
        reading = read_and_judge(path, kind, media_of(path.name), manifest_of(path), form, now.date(), out, said)
        kept = store.put_file(form, reading.sha256)
    yield Page(
        url=f"file:inbox/{name}",
        body=b"",
        fetched_at=now,
        headers={"format": str(FORMAT)},
        key=name,
        original_sha256=sha256,
        path=store.blob(kept),
        digest=kept,
        made=reading,
    )


def _provenance(partition: str, sha256: str, fetched_at: dt.datetime) -> dict[str, str]:
    return {"_partition": partition, "_received_sha256": sha256, "_fetched_at": fetched_at.isoformat(timespec="seconds")}


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
    said = _provenance(ctx.partition, page.original_sha256, page.fetched_at)
    with _work(page.path.parents[2]) as work:
        return judge_bulk(page.path, ctx.today, work / "firms.parquet", said, page.key)


def enrich(page: Page, tables: Mapping[str, Path], ctx: ParseContext) -> Mapping[str, Any]:
    """The firms of the sector in a national register, located; of smaller files `parse` gives them."""
    if page.path is None or "firms" not in tables:
        return {}
    said = {
        "_partition": ctx.partition, "_snapshot_sha256": page.sha256,
        "_fetched_at": page.fetched_at.isoformat(timespec="seconds"),
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
    vocabulary=tuple(dict.fromkeys([*VOCABULARY, "instruments.csv", "instrument_terms.csv"])),
    fetch=fetch,
    parse=parse,
    enrich=enrich,
    enrich_vocabulary=VOCABULARY,
    partitions="file",
    list_partitions=list_partitions,
    coverage="Whatever files hold that people put into the inbox; nothing is assumed about what they leave out",
)
