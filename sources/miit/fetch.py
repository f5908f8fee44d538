"""Reaching the MIIT query for announced products: one batch by five words of new-energy vehicles, page by page.

Belongs here: addresses, encoding, paging and which batches there are. Does not belong here: reading the rows.

The form's own script puts each text through encodeURI before the form is encoded, so Chinese text is percent-encoded
twice. The server gives at most 100 rows a page whatever is asked, and says `Table ... not found` where a batch has no
data. It wants words: a question with nothing in it but the batch is refused, so whether there is a batch is asked by a
word, too. Detail pages stand behind a captcha and are not asked for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from urllib.parse import quote

from ingest.declaration import FetchContext, Health, Page, RejectFile, SourceError
from ingest.records import at, refuse_nothing
from ingest.web.bodies import read_json
from ingest.web.fetcher import Fetcher, fetcher_of

BASE = "https://service.miit-eidc.org.cn/miitxxgk/gonggao/xxgk"
PAGE_ROWS = 100  # the server's cap
MAX_PAGES = 300  # of one word in one batch: far above the 61 pages of the largest whole batch seen
RESTARTS = 3
#: Name of the pages -> the word of the product name (clmc) that is asked for.
WORDS = {"bev": "纯电动", "phev": "插电", "erev": "增程", "fcev": "燃料电池", "swap": "换电"}
PROBE = "bev"  # the word by which a batch is looked for: every batch has battery vehicles
#: The batches taken for known when this was written (2020 to 2026); a first look begins at the last.
KNOWN_BATCHES = tuple(str(number) for number in range(328, 412))
KNOWN_BATCH = int(KNOWN_BATCHES[-1])
MAX_PROBES = 36  # batches come monthly: three years without a look are the most that one listing makes up for
GAP = 3  # so many numbers without a batch end the look: a batch may come late, or its number never


def encode_uri(value: str) -> str:
    """What JavaScript's encodeURI gives, as the query form applies it before the form is encoded."""
    return quote(value, safe=";,/?:@&=+$-_.!~*'()#")


def ask(web: Fetcher, batch: str, word: str, number: int, rows: int, key: str) -> Page:
    """One page of the products of a batch whose name has `word`."""
    form = {
        "qymc": "", "pc": batch, "cpsb": "", "clxh": "", "clmc": encode_uri(word),
        "pageSize": str(rows), "pageNum": str(number),
    }  # fmt: skip
    referer = f"{BASE}/queryByPc?pc={batch}&querylb=cp&qyinfolb="
    return web.post(f"{BASE}/doCpQuery", form, headers={"Referer": referer}, expect="json", key=key)


def count_of(page: Page) -> tuple[int, int] | None:
    """(rows in all, rows a page) of a reply; None where it says that there is no data. Raises RejectFile for
    what is no reply of this query, SourceError for one that refuses."""
    reply = read_json(page.body, page.key)
    code, digest = at(reply, "handleResult", "respCode"), str(at(reply, "handleResult", "digest") or "")
    if code is None:
        raise RejectFile("schema_changed", f"{page.key}: no handleResult.respCode")
    if code != 200:
        if digest.startswith("Table"):
            return None
        raise SourceError(Health.unreachable, f"{page.key}: the server answers {code}: {digest[:200]}")
    if at(reply, "countResult") is None and not at(reply, "cpList"):
        return 0, PAGE_ROWS  # a word that no product of the batch has: the page's own script counts only where rows came
    total, size = at(reply, "countResult", "total"), at(reply, "countResult", "pageSize")
    if not isinstance(total, int) or not isinstance(size, int) or total < 0 or size < 1:
        raise RejectFile("schema_changed", f"{page.key}: no countResult with total and pageSize")
    return total, size


def fetch(context: FetchContext, partition: str) -> Iterator[Page]:
    """All pages of one batch, a word after the other. Raises SourceError(empty) for a batch without data."""
    if not partition.isdigit():
        raise SourceError(Health.empty, f"miit: {partition!r} is no batch number")
    web = fetcher_of(context)
    pages: list[Page] = []
    found = 0
    for name, word in WORDS.items():
        answer = whole_word(context, web, partition, name, word)
        if answer is None:  # the batch has no table: the other words would say the same
            break
        total, some = answer
        found += total
        pages += some
    if not pages:
        raise SourceError(Health.empty, f"miit {partition}: there is no such batch (yet)")
    refuse_nothing(context, "miit", partition, found)
    yield from pages


def whole_word(
    context: FetchContext, web: Fetcher, batch: str, name: str, word: str
) -> tuple[int, list[Page]] | None:
    """(rows, pages) of one word; asked anew where the total changes between pages (at most RESTARTS times)."""
    for _ in range(RESTARTS):
        first = ask(web, batch, word, 1, PAGE_ROWS, f"{name}-0001.json")
        counted = count_of(first)
        if counted is None:
            return None
        total, size = counted
        last = math.ceil(total / size)
        if last > MAX_PAGES:
            raise RejectFile("too_large", f"miit {batch} {word}: {last} pages, believable are {MAX_PAGES}")
        pages = [first]
        for number in range(2, last + 1):
            page = ask(web, batch, word, number, PAGE_ROWS, f"{name}-{number:04d}.json")
            pages.append(page)
            if count_of(page) != counted:
                context.say(f"miit {batch} {word}: the total changed on page {number}; asked anew")
                break
        else:
            context.say(f"miit {batch} {word}: {total} products on {len(pages)} pages")
            return total, pages
    raise SourceError(Health.unreachable, f"miit {batch} {word}: the total changed {RESTARTS} times while it was read")


def list_batches(context: FetchContext) -> list[str]:
    """The batches that a refresh should ask for: those newer than the newest landed, past gaps of less than GAP numbers, and
    those that are missing among the last GAP numbers below it (a batch that came late, or whose landing failed). On an
    empty home the newest alone, sought downwards from the last known where nothing newer is there; older ones are a
    backfill's. Raises SourceError, also where not one of MAX_PROBES numbers has a batch."""
    web = fetcher_of(context)
    landed = landed_batches(context)
    newest = max(landed, default=KNOWN_BATCH - 1)
    holes = [n for n in range(newest - GAP, newest) if n not in landed and n > min(landed, default=newest)]
    new = [batch for batch in holes if there_is(web, batch)]
    last = newest
    for batch in range(newest + 1, newest + 1 + MAX_PROBES):
        if batch - last > GAP:
            break
        if there_is(web, batch):
            new.append(batch)
            last = batch
    if landed:
        return [str(batch) for batch in new]
    if not new:
        new = [next((b for b in range(KNOWN_BATCH - 1, KNOWN_BATCH - 1 - MAX_PROBES, -1) if there_is(web, b)), 0)]
    if not new[-1]:
        raise SourceError(Health.empty, f"miit: none of {MAX_PROBES} batches up to {KNOWN_BATCH + GAP - 1} is there")
    return [str(new[-1])]


def there_is(web: Fetcher, batch: int) -> bool:
    """Whether the server has products of a batch by the word that every batch has."""
    counted = count_of(ask(web, str(batch), WORDS[PROBE], 1, 1, f"probe-{batch}.json"))
    return counted is not None and counted[0] > 0


def landed_batches(context: FetchContext) -> set[int]:
    """The batches of which products stand landed."""
    return {int(stands.partition) for stands in context.landed.all() if stands.partition.isdigit() and stands.tables}
