"""Fetching a month of a site: its entries, their pages, their attachments.

Belongs here: which pages are asked for, what a failure of one page means for the partition, and the sweep for late
additions. Does not belong here: lists (lists.py), families, nor what a page says (page.py).

A partition's snapshot holds `items` (the month's entries of the lists, as JSON, with what went wrong with each), a page
for each document (`page:<record>`), and its attachments (`file:<record>:<n>`). List pages are kept raw beside it. Pages
that differ from the last good ones by noise alone are left as they were, so that an unchanged month stays unchanged.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from ingest.declaration import FetchContext, Health, Page, RejectFile, SourceError
from ingest.home import SEEDS
from ingest.records import refuse_nothing
from ingest.store.raw import MissingBlob
from ingest.text.scrub import carries_personal
from ingest.text.scrub import redact as redact_text
from ingest.web.addresses import redact
from ingest.web.bodies import kind_of
from ingest.web.errors import FetchError, Limits
from ingest.web.fetcher import Fetcher, fetcher_of
from sources.policy_releases.items import LASTING, Item, extension, on_subject, record_id
from sources.policy_releases.lists import SOURCE_NAME, all_months, month_of, of_month
from sources.policy_releases.page import Detail, pdf_text, read_page
from sources.policy_releases.sites import Site, covered_sites

#: Failures that speak of a whole host: it is not asked again in this run of the partition.
OF_HOST = frozenset({"challenged", "rate_limited", "circuit_open", "robots_unreachable", "robots_too_large", "dns", "tls"})
#: Failures in which nothing of the site was read at all.
UNREACHED = frozenset({"network", "deadline", "gave_up", "circuit_open", "truncated", "dns", "tls"})
FILE_LIMITS = Limits(wire=30_000_000, decoded=40_000_000, deadline=120.0, attempts=2)


def fetch(context: FetchContext, partition: str) -> Iterator[Page]:
    """The pages of one month of one site. Raises SourceError where the site cannot be read or shows nothing where
    documents stand, RejectFile where its lists are built otherwise than declared."""
    month, name = month_of(partition)
    sites = covered_sites()
    if name not in sites:
        raise SourceError(Health.gone, f"{partition}: no site of that name has an adapter")
    site = sites[name]
    entries, notes = of_month(context, site, month)
    refuse_nothing(context, SOURCE_NAME, partition, len(entries))
    context.say(f"{site.site} {month}: {len(entries)} entries in the lists")
    yield from pages(context, site, partition, entries, notes)


def pages(context: FetchContext, site: Site, partition: str, entries: list[Item], notes: list[str]) -> Iterator[Page]:  # noqa: C901 - the way of one entry, and what is given out at each step of it
    told: list[dict[str, Any]] = []
    asked_for = 0
    failed: list[str] = []
    dead: dict[str, str] = {}  # host -> why it is not asked any more
    for number, item in enumerate(entries, 1):
        record = record_id(site.site, item.url)
        said: dict[str, Any] = {**item.to_json(), "record": record}
        told.append(said)
        file = extension(item.url)  # the entry is a file itself
        if (site.filter == "list" or file) and not on_subject(item.title, item.summary, SEEDS):
            continue
        if file:
            said["files"] = [{"n": 1, "name": item.title[:200], "url": item.url}]
        else:
            asked_for += 1
            found, why = document(context, site, item, record, dead)
            if why:
                said["failure"] = why
                failed += [] if why.partition(":")[0] in LASTING else [why]
            if found is None:
                continue
            page, detail = found
            yield page
            if not on_subject(detail.title, f"{item.summary}\n{detail.text}", SEEDS):
                continue
            said["files"] = [{"n": n, "name": name, "url": url} for n, (name, url) in enumerate(detail.attachments, 1)]
        for each in said["files"]:
            kept = attachment(context, site, item, record, each, dead)
            if kept is not None:
                yield kept
        if number % 25 == 0:
            context.say(f"{site.site}: {number} of {len(entries)} entries")
    if len(failed) >= 3 and len(failed) * 2 > asked_for:
        reached = any(why.partition(":")[0] not in UNREACHED for why in failed)
        raise SourceError(
            Health.schema_changed if reached else Health.unreachable,
            f"{partition}: {len(failed)} of {asked_for} pages could not be had or read; first: {failed[0]}",
        )
    body = json.dumps({"items": [scrubbed(said) for said in told], "notes": notes}, ensure_ascii=False, sort_keys=True, indent=0)
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    yield Page(url=f"derived:{partition}", body=body.encode(), fetched_at=now, key="items")


def scrubbed(said: dict[str, Any]) -> dict[str, Any]:
    """An entry without personal data in its words. Addresses and digests stay as they are: eleven digits in them are no
    telephone number, and a changed one would name another document."""
    for name in ("title", "summary", "issuer", "failure"):
        if said.get(name):
            said[name] = redact_text(said[name])
    said["attachments"] = [(redact_text(name), url) for name, url in said["attachments"]]
    for each in said.get("files", ()):
        each["name"] = redact_text(each["name"])
    return said


def document(
    context: FetchContext, site: Site, item: Item, record: str, dead: dict[str, str]
) -> tuple[tuple[Page, Detail] | None, str]:
    """The page of an entry with what it says, and why it failed, if it did. The last good page stands where a new one
    cannot be had or read, and where the two differ by noise alone. Raises FetchError for what stops the whole site."""
    try:
        page = ask(context, site, item.url, item.list_url, f"page:{record}", dead, "html")
        detail = read_page(page, item, site)
    except FetchError as error:
        return last_good(context, item, record, site), f"{error.reason}: {error.text}"[:300]
    except RejectFile as error:
        return last_good(context, item, record, site), f"{error.reason}: {error.detail}"[:300]
    known = context.previous(page.url) or {}
    if known.get("sha256") and known["sha256"] != page.sha256:
        before = last_good(context, item, record, site)
        if before is not None and before[1].digest == detail.digest:
            return before, ""
    return (page, detail), ""


def ask(
    context: FetchContext, site: Site, url: str, referer: str, key: str, dead: dict[str, str], expect: str = "",
    limits: Limits | None = None,
) -> Page:  # fmt: skip
    """One request for a document or file. A host that refuses as a whole is left alone for the rest of the partition; if
    it is the site's own, the partition fails, and its last good landing stands."""
    web: Fetcher = fetcher_of(context)
    host = urlsplit(url).hostname or ""
    if host in dead:
        raise FetchError("circuit_open", dead[host])
    try:
        return web.get(
            url, headers={"Referer": referer.split("?")[0]}, expect=expect, key=key, context=context, limits=limits
        )
    except FetchError as error:
        if error.reason in OF_HOST:
            if host in own_hosts(site):
                raise StopSite(error) from None
            dead[host] = f"{host}: {error.reason}"
        raise


class StopSite(SourceError):
    """The site's own host refuses as a whole: a challenge, a rate limit, robots.txt."""

    def __init__(self, error: FetchError):
        super().__init__(error.health, str(error))


def own_hosts(site: Site) -> set[str]:
    urls = [site.homepage, *(str(root["url"]) for root in site.roots)]
    return {host for url in urls if (host := urlsplit(url).hostname)}


def last_good(context: FetchContext, item: Item, record: str, site: Site) -> tuple[Page, Detail] | None:
    """The newest kept page of an entry, read; None where there is none that can be."""
    url = redact(item.url)
    known = context.previous(url) or {}
    if not known.get("sha256"):
        return None
    headers = {k: v for k, v in known.items() if k not in ("sha256", "original_sha256")}
    try:
        body = context.store.get(known["sha256"])
        now = dt.datetime.now(dt.UTC).replace(microsecond=0)
        page = Page(url, body, now, 200, headers, f"page:{record}", known.get("original_sha256", ""))
        return page, read_page(page, item, site)
    except (RejectFile, MissingBlob):
        return None


def attachment(
    context: FetchContext, site: Site, item: Item, record: str, told: dict[str, Any], dead: dict[str, str]
) -> Page | None:
    """One attachment, or None with the reason in `told`. A PDF whose text carries personal data is kept as that text
    without them, since its bytes cannot be cleaned; its digest is that of the file as it came."""
    try:
        page = ask(context, site, told["url"], item.url, f"file:{record}:{told['n']}", dead, limits=FILE_LIMITS)
    except FetchError as error:
        told["refused"] = f"{error.reason}: {error.text}"[:300]
        return None
    except RejectFile as error:
        told["refused"] = f"{error.reason}: {error.detail}"[:300]
        return None
    told["bytes"] = int(page.headers.get("size", len(page.body)))
    if kind_of(page.body) == "html":
        told["refused"] = "wrong_type: a web page instead of the file"
        return None
    if kind_of(page.body) == "pdf" and not page.headers.get("cleaned"):
        try:
            text = pdf_text(page.body)
        except RejectFile:
            return page
        if carries_personal(text):
            return Page(
                page.url, redact_text(text).encode(), page.fetched_at, page.status,
                {**page.headers, "cleaned": "text", "size": str(len(page.body))}, page.key, page.original_sha256,
            )  # fmt: skip
    return page


# -- the sweep ---------------------------------------------------------------------------------------------------------
def sweep(context: FetchContext, name: str) -> list[str]:
    """The partitions of a site that landed once and whose lists now show other entries than they did: late additions,
    changed titles, flags that turned. Reads every list to its end; months that never landed are left to a backfill."""
    site = covered_sites()[name]
    months = all_months(context, site)
    store = context.store
    changed = []
    for partition in [p for p in context.landed.partitions() if p.endswith(f"__{name}")]:
        month, _ = month_of(partition)
        entry = store.latest(SOURCE_NAME, partition)
        before: dict[str, Item] = {}
        if entry is not None:
            kept = next((p for p in entry["pages"] if p["key"] == "items"), None)
            if kept is not None:
                for said in json.loads(store.get(kept["sha256"]))["items"]:
                    before[said["record"]] = Item.from_json(said)
        now = {record_id(name, item.url): item for item in months.get(month, [])}
        if any(record not in before or differs(before[record], item) for record, item in now.items()):
            changed.append(partition)
    return changed


def differs(before: Item, now: Item) -> bool:
    """Whether an entry says something else; a summary may move with the search engine's mood."""
    facts = [(i.title, i.doc_no, i.issued, i.is_expired, i.is_abolished, i.attachments) for i in (before, now)]
    return facts[0] != facts[1]
