"""Reaching the Wikidata Query Service: one question.

Belongs here: the question, and telling a whole answer from one that was cut. Does not belong here: what it says of whom.
The question unites class and industry, since some makers (Tesla China, Li Auto) are plain businesses with an industry.
Values of one property come joined and are sorted when read: SAMPLE may differ from day to day, a plain OPTIONAL
multiplies rows, and ORDER BY before LIMIT sorts everything first.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from ingest.declaration import BlockFile, FetchContext, Health, Page, RejectFile, SourceError
from ingest.records import at
from ingest.web.bodies import read_json, require_kind
from ingest.web.errors import Limits
from ingest.web.fetcher import USER_AGENT, fetcher_of

ENDPOINT = "https://query.wikidata.org/sparql"
LIMIT = 5_000
#: Wikidata's own rules ask every tool to say what it is and how its operator can be reached.
POLICY = "documented API; its usage policy (user agent, one query at a time, Retry-After) is kept"
QUERY = """
SELECT ?item
  (GROUP_CONCAT(DISTINCT ?class_id; separator="|") AS ?classes)
  (GROUP_CONCAT(DISTINCT ?zh; separator="|") AS ?label_zh)
  (GROUP_CONCAT(DISTINCT ?hans; separator="|") AS ?label_hans)
  (GROUP_CONCAT(DISTINCT ?en; separator="|") AS ?label_en)
  (GROUP_CONCAT(DISTINCT ?official; separator="|") AS ?official_names)
  (GROUP_CONCAT(DISTINCT ?lei_; separator="|") AS ?lei)
  (GROUP_CONCAT(DISTINCT ?uscc_; separator="|") AS ?uscc)
  (GROUP_CONCAT(DISTINCT ?ticker_; separator="|") AS ?tickers)
  (GROUP_CONCAT(DISTINCT ?seat; separator="|") AS ?seats)
  (GROUP_CONCAT(DISTINCT ?inception_; separator="|") AS ?inception)
  (GROUP_CONCAT(DISTINCT ?dissolved_; separator="|") AS ?dissolved)
  (GROUP_CONCAT(DISTINCT ?parent; separator="|") AS ?parents)
WHERE {
  { SELECT DISTINCT ?item WHERE {
      { VALUES ?kind { wd:Q786820 wd:Q10429667 wd:Q112865922 wd:Q1259897 } ?item wdt:P31 ?kind . }
      UNION
      { ?item wdt:P452 wd:Q190117 . }
      ?item wdt:P17|wdt:P495 wd:Q148 .
    } LIMIT %d }
  OPTIONAL { ?item wdt:P31 ?class . BIND(STRAFTER(STR(?class), "/entity/") AS ?class_id) }
  OPTIONAL { ?item rdfs:label ?zh . FILTER(LANG(?zh) = "zh") }
  OPTIONAL { ?item rdfs:label ?hans . FILTER(LANG(?hans) IN ("zh-hans", "zh-cn")) }
  OPTIONAL { ?item rdfs:label ?en . FILTER(LANG(?en) = "en") }
  OPTIONAL { ?item wdt:P1448 ?official . FILTER(STRSTARTS(LANG(?official), "zh")) }
  OPTIONAL { ?item wdt:P1278 ?lei_ . }
  OPTIONAL { ?item wdt:P6795 ?uscc_ . }
  OPTIONAL { ?item p:P414/pq:P249 ?ticker_ . }
  OPTIONAL { ?item wdt:P571 ?inception_ . }
  OPTIONAL { ?item wdt:P576 ?dissolved_ . }
  OPTIONAL { ?item wdt:P749 ?up . BIND(STRAFTER(STR(?up), "/entity/") AS ?parent) }
  OPTIONAL {
    ?item wdt:P159 ?hq .
    OPTIONAL { ?hq rdfs:label ?hq_zh . FILTER(LANG(?hq_zh) = "zh") }
    OPTIONAL { ?hq wdt:P442 ?hq_code . }
    OPTIONAL { ?hq wdt:P625 ?hq_point . }
    BIND(CONCAT(STRAFTER(STR(?hq), "/entity/"), "~", COALESCE(?hq_zh, ""), "~", COALESCE(?hq_code, ""), "~",
                COALESCE(STR(?hq_point), "")) AS ?seat)
  }
}
GROUP BY ?item
""" % LIMIT  # noqa: UP031


def user_agent() -> str:
    """What the query service is told: the tool, and how to reach whoever runs it (EVATLAS_CONTACT)."""
    contact = os.environ.get("EVATLAS_CONTACT", "").strip()
    return USER_AGENT.rstrip(")") + (f"; contact: {contact})" if contact else ")")


def fetch(context: FetchContext, partition: str) -> Iterator[Page]:
    """The answer, whole. Raises SourceError(unreachable) where the service ran out of time: it then sends status 200,
    the rows that it had, and a Java stack trace."""
    web = fetcher_of(context)
    page = web.post(
        ENDPOINT,
        {"query": QUERY, "format": "json"},
        headers={"User-Agent": user_agent(), "Accept": "application/sparql-results+json"},
        key="entities.json",
        limits=Limits(wire=50_000_000, decoded=50_000_000, deadline=120.0),
        robots_exempt=POLICY,
        end_marker=False,
    )
    tail = page.body[-20_000:]
    if page.body.startswith(b"SPARQL-QUERY:") or b"TimeoutException" in tail or b"QueryTimeoutException" in tail:
        raise SourceError(Health.unreachable, "wikidata: the query ran out of time; the answer is cut")
    require_kind(page.body, "json", "wikidata entities.json")
    rows = at(read_json(page.body, "wikidata entities.json"), "results", "bindings")
    if not isinstance(rows, list):
        raise RejectFile("schema_changed", "wikidata entities.json: no results.bindings")
    if len(rows) >= LIMIT:
        raise BlockFile("incomplete", f"wikidata: {len(rows)} rows reach the question's limit of {LIMIT}")
    yield page
