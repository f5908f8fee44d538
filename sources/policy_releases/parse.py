"""From the snapshots of one month of a site to documents, attachments and coded instruments.

Belongs here: versions over all snapshots, what is off the subject, the books. Does not belong here: reading one page
(page.py), coding a text (ingest/policies/coding.py).

Every good snapshot of the partition comes in, oldest first. Of each record the newest snapshot decides its entry, its
flags and its attachments; every text that any snapshot showed is a version. Nothing is taken out because a later list
lacks it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from ingest.declaration import QUARANTINE_SCHEMA, Page, ParseContext, Parsed, RejectFile
from ingest.policies.clauses import abolished, derived_from, superseded
from ingest.policies.coding import code_frame
from ingest.policies.tables import POLICY_INSTRUMENT_KEY, POLICY_INSTRUMENTS
from ingest.policies.text import document_type, normalise_doc_no, normalise_title, parse_date, validity
from ingest.text.scrub import redact
from ingest.text.values import china_day
from ingest.web.bodies import kind_of
from sources.policy_releases.items import LASTING, Item, canonical, extension, on_subject
from sources.policy_releases.lists import month_of
from sources.policy_releases.page import COVER, Detail, folded, pdf_text, read_page
from sources.policy_releases.sites import Site, covered_sites
from sources.policy_releases.tables import ATTACHMENTS, DOCUMENTS

_OLE = {"doc": "doc", "xls": "xls", "wps": "doc", "et": "xls"}


@dataclass
class Sight:
    """One record in one snapshot."""

    number: int  # of the snapshot, from 0: two can fall into one second
    at: str  # when the snapshot was taken, ISO
    said: dict[str, Any]
    page: Page | None = None
    files: dict[int, Page] = field(default_factory=dict)


@dataclass
class Version:
    """One text of a record, over the snapshots that showed it."""

    first: Sight
    last: Sight
    row: dict[str, Any] = field(default_factory=dict)
    files: list[dict[str, Any]] = field(default_factory=list)


def parse(pages: Iterable[Page], context: ParseContext) -> Parsed:
    """In: the pages of all snapshots, each closed by its `items`. Out: the three landed tables; records in are those on
    the subject, and the notes say how many others were listed. Raises RejectFile where a snapshot has no items."""
    _, name = month_of(context.partition)
    site = covered_sites()[name]
    sights, notes = snapshots(pages, context.partition)
    documents: list[dict[str, Any]] = []
    files: list[dict[str, Any]] = []
    held: list[dict[str, Any]] = []
    off = 0
    for record in sorted(sights):
        verdict, versions = judge(record, sights[record], site, context)
        if verdict == "off_topic":
            off += 1
        elif verdict:
            reason, _, detail = verdict.partition(":")
            said = sights[record][-1].said
            payload = json.dumps({k: said[k] for k in ("title", "url", "doc_no", "published")}, ensure_ascii=False)
            held.append({"page_key": said["list_url"], "record": len(held), "reason": reason, "detail": redact(detail.strip())[:300],
                         "payload": redact(payload)})  # fmt: skip
        else:
            ordered = sorted(versions.values(), key=lambda v: v.first.number)
            newest = max(ordered, key=lambda v: v.last.number)
            for number, version in enumerate(ordered, 1):
                documents.append({**version.row, "version": number, "is_current": version is newest,
                                  "first_seen": version.first.at, "last_seen": version.last.at})  # fmt: skip
            files += newest.files
    accepted = sum(1 for row in documents if row["is_current"])
    if len(sights) != accepted + len(held) + off:
        raise TypeError(f"{context.partition}: {len(sights)} listed, {accepted} accepted, {len(held)} held, {off} off the subject")
    notes.insert(0, ("off_topic", f"{off} of {len(sights)} entries read, not on the subject"))
    frame = pl.DataFrame(documents, schema=dict(DOCUMENTS.schema), orient="row")
    return Parsed(
        tables={
            "documents": frame,
            "attachments": pl.DataFrame(files, schema=dict(ATTACHMENTS.schema), orient="row"),
            "policy_instruments": coded(frame),
        },
        records_in=accepted + len(held),
        accepted=accepted,
        quarantine=pl.DataFrame(held, schema=QUARANTINE_SCHEMA),
        notes=notes,
    )


def coded(documents: pl.DataFrame) -> pl.DataFrame:
    """The instruments of the current text of each document."""
    texts = documents.filter(pl.col("is_current")).select(
        pl.col("record_id").alias("policy_id"), "title_zh", "content_zh",
        pl.lit("derived").alias("support"), pl.lit("medium").alias("confidence"),
    )  # fmt: skip
    rows = code_frame(texts).unique(list(POLICY_INSTRUMENT_KEY), keep="first", maintain_order=True)
    return rows.select([pl.col(c).cast(t) for c, t in POLICY_INSTRUMENTS.items()])


def snapshots(pages: Iterable[Page], partition: str) -> tuple[dict[str, list[Sight]], list[tuple[str, str]]]:
    """Record -> its sights, oldest snapshot first, and the notes of the newest snapshot."""
    sights: dict[str, list[Sight]] = {}
    notes: list[tuple[str, str]] = []
    open_pages: dict[str, Page] = {}
    open_files: dict[str, dict[int, Page]] = {}
    number = 0
    for page in pages:
        kind, _, rest = page.key.partition(":")
        if kind == "page":
            open_pages[rest] = page
        elif kind == "file":
            record, _, place = rest.rpartition(":")
            open_files.setdefault(record, {})[int(place)] = page
        elif kind == "items":
            told = json.loads(page.body)
            at = china_day(page.fetched_at).isoformat()
            notes = [("lists", str(note)) for note in told["notes"]]
            for said in told["items"]:
                record = said["record"]
                sights.setdefault(record, []).append(
                    Sight(number, at, said, open_pages.get(record), open_files.get(record, {}))
                )
            open_pages, open_files = {}, {}
            number += 1
        else:
            raise RejectFile("schema_changed", f"{partition}: a page of unknown kind")
    if open_pages or open_files:
        raise RejectFile("incomplete", f"{partition}: a snapshot without its entries")
    return sights, notes


def judge(record: str, sights: list[Sight], site: Site, context: ParseContext) -> tuple[str, dict[str, Version]]:
    """("" and the versions) of a record that is kept; else "off_topic" or "reason: detail"."""
    versions: dict[str, Version] = {}
    failure = ""
    flag_seen = ""
    read: dict[tuple[Any, ...], tuple[str, Any]] = {}  # a snapshot mostly repeats the one before: each sight is read once
    for sight in sights:
        key = (
            json.dumps(sight.said, sort_keys=True), sight.page.sha256 if sight.page else "",
            tuple((n, page.sha256) for n, page in sorted(sight.files.items())),
        )  # fmt: skip
        if key not in read:
            read[key] = look(record, sight, site, context)
        verdict, found = read[key]
        if found is None:
            failure = verdict if verdict != "off_topic" else failure
            continue
        row, files = found
        flag_seen = flag_seen or (sight.at if row["is_expired"] or row["is_abolished"] else "")
        version = versions.setdefault(row["content_sha256"], Version(sight, sight))
        version.last, version.row, version.files = sight, row, files
    if not versions:
        return (failure if failure else "off_topic"), versions
    for version in versions.values():
        marked = version.row["is_expired"] or version.row["is_abolished"]
        version.row = {**version.row, "flag_seen_on": flag_seen if marked else None}
    return "", versions


def look(record: str, sight: Sight, site: Site, context: ParseContext) -> tuple[str, Any]:
    """One sight of a record: ("", (its row, its attachments)), or (why it gives none, None)."""
    item = Item.from_json(sight.said)
    why = str(sight.said.get("failure", ""))
    lasting = why.partition(":")[0] in LASTING
    if sight.page is None and "files" not in sight.said and not lasting:
        if why:
            return why, None
        if on_subject(item.title, item.summary, context.seeds):
            return "not_fetched: on the subject by the vocabulary of today; the next landing fetches its page", None
        return "off_topic", None  # the list alone decided
    try:
        detail = read_page(sight.page, item, site) if sight.page is not None else bare(item)
    except RejectFile as error:
        return f"{error.reason}: {error.detail}", None
    if not on_subject(detail.title, f"{item.summary}\n{detail.text}", context.seeds):
        return "off_topic", None
    files = [attached(record, each, sight.files.get(each["n"])) for each in sight.said.get("files", ())]
    return "", (document_row(record, item, detail, files, site), files)


def bare(item: Item) -> Detail:
    """A document known by its entry alone."""
    return Detail(
        redact(item.title)[:500], "", item.doc_no, item.issuer, item.issued, item.published,
        is_expired=item.is_expired, is_abolished=item.is_abolished,
    )  # fmt: skip


def document_row(record: str, item: Item, detail: Detail, files: list[dict[str, Any]], site: Site) -> dict[str, Any]:
    texts = [f["text"] for f in files if f["text"]]
    body = detail.text.strip()
    kind = "full" if body else "title_only"
    if texts and len(body) < COVER:
        kind, body = "attachment", "\n".join([body, *texts]).strip()
    title = detail.title
    number = normalise_doc_no(detail.doc_no)
    issued, precision = parse_date(detail.issued)
    said = validity(body, issued)
    repealed = abolished(title, body, said.supersedes)
    replaced = superseded(title, body, repealed)
    national, national_no = derived_from(title, body, site.level)
    return {
        "record_id": record,
        "content_sha256": hashlib.sha256(folded(body or title).encode()).hexdigest(),
        "site": site.site,
        "family": site.family,
        "url": canonical(item.url),
        "list_url": item.list_url,
        "title_zh": title,
        "title_key": normalise_title(re.sub(r"\s*[（(][^（()）]{2,24}[〕\]】］]\s*\d+\s*号[)）]\s*$", "", title)),
        "doc_no": number,
        "doc_no_raw": detail.doc_no or None,
        "issuer": detail.issuer or site.issuer or None,
        "level": site.level,
        "adcode": site.adcode,
        "place": site.place,
        "language": "zh" if re.search(r"[\u4e00-\u9fff]", title) else "en",
        "issued_on": issued,
        "issued_precision": precision,
        "published_on": detail.published or item.published or None,
        "valid_from": said.valid_from,
        "valid_to": said.valid_to,
        "is_expired": detail.is_expired,
        "is_abolished": detail.is_abolished,
        "doc_type": document_type(title, number, body),
        "content_zh": body or None,
        "text_kind": kind,
        "last_modified": detail.last_modified or None,
        "n_attachments": len(files),
        "n_unextracted": sum(1 for f in files if f["extraction"] != "text"),
        "derives_from_title": national,
        "derives_from_no": national_no,
        "abolishes": json.dumps(repealed, ensure_ascii=False) if repealed else None,
        "supersedes": json.dumps(replaced, ensure_ascii=False) if replaced else None,
    }


def attached(record: str, told: dict[str, Any], page: Page | None) -> dict[str, Any]:
    """The row of one attachment."""
    row: dict[str, Any] = {
        "record_id": record, "n": told["n"], "url": told["url"], "name": told["name"], "media": extension(told["url"]) or "other",
        "sha256": None, "bytes": told.get("bytes"), "extraction": "refused", "reason": told.get("refused"), "text": None,
    }  # fmt: skip
    if page is None:
        row["reason"] = row["reason"] or "not fetched"
        row["bytes"] = None
        return row
    row["sha256"] = page.original_sha256 or page.sha256
    if page.headers.get("cleaned") == "text":
        row |= {"media": "pdf", "extraction": "text", "text": paragraphs(page.body.decode("utf-8")),
                "reason": "kept as its text without personal data"}  # fmt: skip
        return row
    kind = kind_of(page.body)
    row["media"] = {"pdf": "pdf", "ole": _OLE.get(row["media"], "doc")}.get(kind, row["media"])
    row["extraction"] = "unextracted"
    if kind != "pdf":
        row["reason"] = f"no reader for {row['media']}"
        return row
    try:
        text = paragraphs(redact(pdf_text(page.body)))
    except RejectFile as error:
        row["reason"] = f"{error.reason}: {error.detail}"[:300]
        return row
    if not text:
        row["reason"] = "a PDF without text, a scan"
        return row
    return {**row, "extraction": "text", "text": text, "reason": None}


def paragraphs(text: str) -> str:
    return "\n".join(line for line in (" ".join(part.split()) for part in re.split(r"[\n\f]", text)) if line)
