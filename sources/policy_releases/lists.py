"""Walking lists: how far, how often, and when to stop.

Belongs here: one walk of a list, shared by all months of a run; what ends it (end, nothing new, a bound, a budget); the
questions that it asks, kept raw. Does not belong here: what a row is (families/), nor pages of documents (fetch.py).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import replace

from ingest.declaration import FetchContext, Health, Page, RejectFile, SourceError
from ingest.web.addresses import redact
from ingest.web.errors import FetchError
from ingest.web.fetcher import Fetcher, fetcher_of
from sources.policy_releases.families import List, ListPage, family
from sources.policy_releases.items import Item, canonical
from sources.policy_releases.sites import Site

MAX_PAGES = 600  # of one list in one run: no list that was seen is longer
SOURCE_NAME = "policy_releases"
RAW_LISTS = "policy_releases_lists"  # the journal of list pages: they are no partitions


class Listed:
    """Asks for pages of lists (families.Ask): conditionally, each once a run, and keeps those that are new raw."""

    def __init__(self, context: FetchContext, site: Site):
        self.web: Fetcher = fetcher_of(context)
        self.store = context.store
        self.context = replace(context, previous=self.store.validators(RAW_LISTS))
        self.site = site
        self.pages: dict[tuple[str, str], Page] = {}
        self.fresh: list[Page] = []

    def get(self, url: str, params: Mapping[str, str] | None = None, expect: str = "html", referer: str = "") -> Page:
        key = ("GET", url + "?" + "&".join(f"{k}={v}" for k, v in (params or {}).items()))
        if key not in self.pages:
            page = self.web.get(
                url, params=params, headers={"Referer": referer} if referer else None, expect=expect,
                key=f"list:{redact(key[1])[:300]}", context=self.context,
            )  # fmt: skip
            self._keep(key, page)
        return self.pages[key]

    def post(self, url: str, data: Mapping[str, str], expect: str = "json", referer: str = "") -> Page:
        key = ("POST", url + "#" + "&".join(f"{k}={v}" for k, v in data.items()))
        if key not in self.pages:
            page = self.web.post(
                url, data, headers={"Referer": referer} if referer else None, expect=expect, key=f"list:{key[1][:300]}"
            )
            self._keep(key, page)
        return self.pages[key]

    def _keep(self, key: tuple[str, str], page: Page) -> None:
        before = self.context.previous(page.url) or {}
        if before.get("sha256") != page.sha256:
            self.fresh.append(page)
        self.pages[key] = page

    def record(self) -> None:
        """Keep the list pages that came new, in a journal of their own: a partition's snapshot holds its month's
        entries, since a list moves with every addition, and its months do not."""
        if self.fresh:
            self.store.record(RAW_LISTS, self.site.site, self.fresh, Health.ok)
            self.fresh = []


class Walk:
    """One list, read page by page as far as anyone has needed it. A failure stays: a later month of the run meets it
    again instead of an end that was none."""

    def __init__(self, pages: Iterator[ListPage], where: str):
        self.where = where
        self.items: dict[str, Item] = {}
        self.ended = False  # the list's own end was met
        self.cut = ""  # why it broke off before its end
        self.count = 0
        self.undated = 0
        self._pages = pages
        self._failure: SourceError | RejectFile | None = None
        self._newest_of_last = self._oldest_of_last = ""  # of the last page that brought anything, ISO days
        self._promised = False

    def until(self, first_day: str) -> None:
        """Read on until a whole page is older than `first_day` (ISO), or the list is over. Raises what the source raised,
        and SourceError where the list breaks off before that day."""
        while not self.ended and not self.cut and not self._reached(first_day):
            if self._failure is not None:
                raise self._failure
            if self.count >= MAX_PAGES:
                self._failure = SourceError(Health.schema_changed, f"{self.where}: more than {MAX_PAGES} pages")
                raise self._failure
            try:
                self._take(next(self._pages))
            except StopIteration:
                if self._promised:
                    self.cut = f"it ends after {self.count} pages, though more are announced ({len(self.items)} read)"
                self.ended = not self._promised
            except (SourceError, RejectFile) as error:
                self._failure = error
                raise
        if self.cut and not (self._oldest_of_last and self._oldest_of_last < first_day):
            raise SourceError(Health.schema_changed, f"{self.where}: {self.cut}, before {first_day} is reached")

    def _reached(self, first_day: str) -> bool:
        return bool(self._newest_of_last) and self._newest_of_last < first_day

    def _take(self, page: ListPage) -> None:
        self.count += 1
        new = [item for item in page.items if canonical(item.url) not in self.items]
        for item in new:
            self.items[canonical(item.url)] = item
            self.undated += not item.month
        dated = [item.published for item in page.items if item.published]
        if dated and new:
            self._newest_of_last = max(day + "-12-31"[len(day) - 4 :] for day in dated)
            self._oldest_of_last = min(day + "-01-01"[len(day) - 4 :] for day in dated)
        self._promised = bool(page.more)
        if self._stands_still(page, bool(new)):
            self.cut = f"page {self.count} repeats what came before ({self._read_of(page)} entries read)"
        elif not new and (page.more or (page.total or 0) > len(self.items)):
            self.cut = (
                f"page {self.count} brings nothing, though more are announced ({self._read_of(page)} entries read)"
            )
        elif page.more is False or not page.items:
            self.ended = True

    def _stands_still(self, page: ListPage, brings_new: bool) -> bool:
        """Paging that stands still: from abroad some sites answer every number with page one."""
        all_read = page.total is not None and page.total <= len(self.items)
        return self.count > 1 and bool(page.items) and not brings_new and not all_read

    def _read_of(self, page: ListPage) -> str:
        return f"{len(self.items)} of {page.total or 'unknown'}"


def walks(context: FetchContext, site: Site, month: str | None) -> tuple[Listed, list[Walk]]:
    """The lists of a site that can hold `month` (all of them for None), walked or not yet; shared over a run."""
    listed = context.memo.get(("listed", site.site))
    if listed is None:
        listed = context.memo.setdefault(("listed", site.site), Listed(context, site))
    module = family(site.family)
    found = []
    for root in site.roots:
        name = ("lists", site.site, repr(sorted(root.items())))
        if name not in context.memo:
            context.memo[name] = module.lists(listed, site, root)
        for start in context.memo[name]:
            if month and "year" in start and int(start["year"]) not in (int(month[:4]), int(month[:4]) - 1):
                continue  # an archive by year of issue: a January holds what December issued
            found.append(walk(context, listed, site, start, month if module.WINDOWED else None))
    return listed, found


def walk(context: FetchContext, listed: Listed, site: Site, start: List, window: str | None) -> Walk:
    whole = ("walk", site.site, repr(sorted(start.items())), None)
    if whole in context.memo:
        return context.memo[whole]  # type: ignore[no-any-return]
    key = (*whole[:3], window)
    if key not in context.memo:
        pages = family(site.family).pages(listed, site, start, window)
        context.memo[key] = Walk(pages, f"{site.site} {start['url']}")
    return context.memo[key]  # type: ignore[no-any-return]


def of_month(context: FetchContext, site: Site, month: str) -> tuple[list[Item], list[str]]:
    """The entries of a site's lists that were published in a month, by address, and notes for its account. Raises
    SourceError or RejectFile where a list cannot be read as far as that month."""
    failed = ("failed", site.site)
    if failed in context.memo:  # the site was not reached in this run: the other months need not knock again
        raise context.memo[failed]
    try:
        listed, found = walks(context, site, month)
    except FetchError as error:
        context.memo[failed] = error
        raise
    items: dict[str, Item] = {}
    undated = 0
    try:
        for each in found:
            each.until(f"{month}-01")
            undated += each.undated
            items.update({url: item for url, item in each.items.items() if item.month == month and url not in items})
    finally:
        listed.record()
    if undated and not items and family(site.family).WINDOWED:
        raise RejectFile("schema_changed", f"{site.site} {month}: {undated} entries were found for the month, and none has a date")
    notes = [f"{undated} entries of the lists have no date and belong to no month"] if undated else []
    return sorted(items.values(), key=lambda item: canonical(item.url)), notes


def all_months(context: FetchContext, site: Site) -> dict[str, list[Item]]:
    """Month -> entries, over the whole of a site's lists as far as they can be walked; a list that breaks off gives what
    it had, since what is sought is what came late."""
    listed, found = walks(context, site, None)
    months: dict[str, dict[str, Item]] = {}
    try:
        for each in found:
            try:
                each.until("0000-01-01")
            except SourceError:
                if not each.cut:
                    raise
            for url, item in each.items.items():
                if item.month:
                    months.setdefault(item.month, {}).setdefault(url, item)
    finally:
        listed.record()
    return {month: sorted(items.values(), key=lambda item: canonical(item.url)) for month, items in sorted(months.items())}


def month_of(partition: str) -> tuple[str, str]:
    """(month, site) of a partition's name. Raises ValueError for what is none."""
    month, _, site = partition.partition("__")
    dt.date.fromisoformat(f"{month}-01")
    return month, site
