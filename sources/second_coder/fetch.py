"""Asking the endpoint: one request a text that has not been asked with this prompt and this model.

Belongs here: which texts, the request, the cache, the limits. Does not belong here: what an answer means (parse.py).

    EVATLAS_CODER_URL    base of the API, e.g. http://127.0.0.1:11434/v1 (https, or plain http on this machine alone)
    EVATLAS_CODER_MODEL  the model's name there
    EVATLAS_CODER_KEY    its key, where it wants one; sent as a bearer token, never stored
    EVATLAS_CODER_MAX    requests a run at most (default 200)

The polite fetcher is not used: it refuses this machine's own addresses, where such an endpoint mostly is, and it retries
what must not be paid twice. In its place: this one origin and no other, no redirects, no proxy, limits on size and time.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import ipaddress
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import polars as pl

from ingest.declaration import FetchContext, Health, Page, SourceError
from ingest.home import SEEDS
from ingest.policies.coding import coded_text
from ingest.text.scrub import redact

MAX_CHARS = 12_000
MAX_ANSWER = 1 << 20
TIMEOUT = (10, 120)


def endpoint() -> tuple[str, str] | None:
    """(address of the completions call, model), or None where the second coder is off. Raises SourceError for an address
    that may not be used."""
    base, model = os.environ.get("EVATLAS_CODER_URL", "").strip(), os.environ.get("EVATLAS_CODER_MODEL", "").strip()
    if not base:
        return None
    parts = urlsplit(base)
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not host or parts.username or parts.query or parts.fragment:
        raise SourceError(Health.unreachable, "EVATLAS_CODER_URL must be the http(s) address of an API, without user name or query")
    if parts.scheme == "http" and not _is_this_machine(host):
        raise SourceError(Health.unreachable, "EVATLAS_CODER_URL: plain http is for this machine alone; use https")
    if not model:
        raise SourceError(Health.unreachable, "EVATLAS_CODER_MODEL is not set")
    return base.rstrip("/") + "/chat/completions", model


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def prompt(seeds: Path = SEEDS) -> str:
    """The instruction that is sent before each text: the rules of coding and the list of instruments."""
    with open(seeds / "instruments.csv", encoding="utf-8") as handle:
        listed = [f"{row['instrument_id']}: {row['name_en']} ({row['name_zh']})" for row in csv.DictReader(handle)]
    return Path(__file__).with_name("prompt.txt").read_text("utf-8") + "\n".join(listed)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def texts(landing: Path) -> Iterator[tuple[str, str]]:
    """(record_key, text) of every landed policy document that has a body, in a fixed order."""
    for source, table, key, title, body, current in (
        ("policy_releases", "documents", "record_id", "title_zh", "content_zh", "is_current"),
        ("inbox", "policies", "record_id", "title_zh", "content_zh", None),
        ("curated_policies", "policies", "policy_id", None, "content", None),
    ):
        files = sorted((landing / source / table).glob("*.parquet"))
        if not files:
            continue
        frame = pl.scan_parquet(files)
        if current:
            frame = frame.filter(pl.col(current))
        columns = [key, *([title] if title else []), body]
        rows = frame.filter(pl.col(body).is_not_null()).select(columns).unique(key, keep="first").sort(key).collect()
        for row in rows.iter_rows(named=True):
            yield f"{source}:{row[key]}", coded_text(row[title], row[body]) if title else row[body]


def fetch(ctx: FetchContext, partition: str) -> Iterator[Page]:
    """The answers that are kept for today's texts, and one new request for each text without one, up to the limit. A
    failure ends the asking; what was answered before it is kept."""
    where = endpoint()
    store = ctx.store
    latest = store.latest("second_coder", partition)
    kept = {page.key: page for page in store.pages(latest)} if latest else {}
    if where is None:
        ctx.say("second coder: off (EVATLAS_CODER_URL is not set)")
        yield from kept.values()
        return
    url, model = where
    instruction = prompt()
    left = int(os.environ.get("EVATLAS_CODER_MAX", "200"))
    asked, waiting = 0, 0
    for record_key, text in texts(ctx.home.landing):
        text = redact(text[:MAX_CHARS])
        wanted = f"{sha256(text)}:{sha256(instruction)}:{model}:{record_key}"
        for key, page in kept.items():  # answers of other prompts and models stand as long as the text does
            if key.startswith(sha256(text) + ":") and key.endswith(":" + record_key) and key != wanted:
                yield page
        if wanted in kept:
            yield kept[wanted]
            continue
        if asked >= left:
            waiting += 1
            continue
        try:
            answer = ask(url, model, instruction, text)
        except SourceError as error:
            if not asked and not kept:
                raise
            ctx.say(f"second coder: {error}; {asked} answers of this run are kept")
            left = 0
            waiting += 1
            continue
        asked += 1
        now = dt.datetime.now(dt.UTC).replace(microsecond=0)
        record = {
            "record_key": record_key, "content_sha256": sha256(text), "prompt_sha256": sha256(instruction), "model": model,
            "prompt": instruction, "text": text, "answer": answer, "asked_at": now.isoformat(),
        }  # fmt: skip
        yield Page(url=url, body=json.dumps(record, ensure_ascii=False).encode(), fetched_at=now, key=wanted)
    ctx.say(f"second coder: {asked} texts asked, {waiting} wait for the next run")


def ask(url: str, model: str, instruction: str, text: str) -> str:
    """The model's words for one text. Raises SourceError when the endpoint cannot be used."""
    import requests  # a run without the second coder never pays for the import

    headers = {"Content-Type": "application/json"}
    if key := os.environ.get("EVATLAS_CODER_KEY"):
        headers["Authorization"] = f"Bearer {key}"
    body: dict[str, Any] = {
        "model": model, "temperature": 0,
        "messages": [{"role": "system", "content": instruction}, {"role": "user", "content": f"<document>\n{text}\n</document>"}],
    }  # fmt: skip
    session = requests.Session()
    session.trust_env = False
    try:
        with session.post(url, json=body, headers=headers, timeout=TIMEOUT, allow_redirects=False, stream=True) as answer:
            raw = answer.raw.read(MAX_ANSWER + 1, decode_content=True)
            status = answer.status_code
    except (requests.RequestException, OSError) as error:
        raise SourceError(Health.unreachable, f"the second coder's endpoint: {type(error).__name__}") from None
    if status == 429:
        raise SourceError(Health.rate_limited, "the second coder's endpoint asks for fewer requests")
    if status != 200:
        raise SourceError(Health.unreachable, f"the second coder's endpoint answers {status}")
    if len(raw) > MAX_ANSWER:
        raise SourceError(Health.schema_changed, f"the second coder's answer is larger than {MAX_ANSWER} bytes")
    try:
        return str(json.loads(raw)["choices"][0]["message"]["content"])
    except (ValueError, KeyError, IndexError, TypeError):
        raise SourceError(Health.schema_changed, "the second coder's answer is not of the OpenAI form") from None
