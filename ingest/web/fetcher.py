"""The polite fetcher: the only way from here to the world.

Belongs here: reaching an allowed host safely (addresses, redirects, sizes, time, TLS), politely (robots.txt,
one connection and a minimum gap per host, Retry-After, conditional requests, a circuit breaker) and honestly
(a challenge is never solved). Does not belong here: what any source's pages mean.

It stands on requests (preparing requests, cookies, the adapter), urllib3 (connections, TLS, the Retry policy)
and protego (robots.txt). What is added is what they leave open: requests follows redirects anywhere, reads
bodies without limit and stops no slow drip.

Tests and replicas: EVATLAS_TEST_ORIGINS="www.example.cn=127.0.0.1:8001,other.cn=https://127.0.0.1:8002" sends
the requests for a host to a loopback port. URLs, Host header, TLS server name and records keep the real host.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import hashlib
import ipaddress
import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote, urlencode, urljoin, urlsplit, urlunsplit

import requests
import urllib3
from protego import Protego
from requests.cookies import extract_cookies_to_jar
from urllib3.util.retry import Retry

from ingest.declaration import FetchContext, Health, Page, Source, SourceError
from ingest.home import Home
from ingest.store.raw import MissingBlob
from ingest.text.scrub import redact as redact_text
from ingest.web.addresses import Target, forbidden_address, normal_host, origins_of, redact, system_resolver
from ingest.web.bodies import challenge, require_kind, require_whole
from ingest.web.connection import CHUNK, Inflater, PinnedAdapter, Watchdog, content_encoding, reason_of
from ingest.web.errors import FetchError, Limits
from ingest.web.scrubbing import scrub

__all__ = ["FetchError", "Fetcher", "Limits", "redact"]

log = logging.getLogger("evatlas.http")
# At DEBUG urllib3 writes whole URLs, keys included, into whatever log a run keeps.
logging.getLogger("urllib3").setLevel(logging.INFO)

USER_AGENT = "evatlas/0.1 (research on the geography of the EV industry; at most one request a second)"
MAX_REDIRECTS = 5
ROBOTS_CAP = 512 * 1024  # RFC 9309 asks crawlers to read at least 500 KiB
ROBOTS_TTL_S = 24 * 3600.0
RETRY_AFTER_CAP_S = 120.0  # a longer wait is a state of the source, not a pause
CIRCUIT_FAILURES = 3
CIRCUIT_OPEN_S = 300.0
#: The only response headers that are kept, each with the form that its value must have: none of them can carry a session,
#: and a server may write anything into any (a name into a validator, a telephone number into a length), so what has not the
#: form, or holds personal data, is left out. A Content-Disposition is free text, and redacted. A validator must go back to the server as it came: it is kept whole or not at all.
_DAY = re.compile(r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT")
KEPT_HEADERS = {
    "content-type": re.compile(r"[\w.+-]{1,40}/[\w.+-]{1,80}(?:\s*;\s*charset=\"?[\w-]{1,20}\"?)?", re.ASCII | re.IGNORECASE),
    "content-length": re.compile(r"\d{1,10}"),
    "etag": re.compile(r'(?:W/)?"[!#-~]{0,120}"'),
    "last-modified": _DAY,
    "date": _DAY,
    "x-gleif-publish-date": re.compile(r"\d{4}-\d{2}-\d{2}[T ]?[\d:.]{0,15}(?:Z|[+-]\d{2}:?\d{2})?"),
}


@dataclass
class HostState:
    """What is known of one host in this process: its robots.txt, failures in a row, and the circuit."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    last_end: float = 0.0
    robots: Protego | None = None
    robots_at: float = -1.0
    crawl_delay: float = 0.0
    failures: int = 0
    open_until: float = 0.0
    open_because: str = ""


_HOSTS: dict[tuple[str, str], HostState] = {}
_HOSTS_LOCK = threading.Lock()


def host_state(host: str, origin: str) -> HostState:
    """State that all fetchers of this process share for a host (and, in tests, its stand-in port)."""
    with _HOSTS_LOCK:
        return _HOSTS.setdefault((host, origin), HostState())


@dataclass
class Answer:
    """One response, read and decoded, before it becomes a Page."""

    status: int
    headers: dict[str, str]
    body: bytes
    delimited: bool  # whether HTTP itself said where the body ends
    raw: Any = None


def _place_of(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of a URL that may be asked at all."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise FetchError("host_not_allowed", "not a URL") from None
    if parts.scheme not in ("https", "http"):
        raise FetchError("scheme_not_allowed", f"{parts.scheme or 'no scheme'} in {redact(url)}")
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        raise FetchError("userinfo", f"a URL with a user name: {redact(url)}")
    host = normal_host(parts.hostname or "")
    if not host:
        raise FetchError("host_not_allowed", "a URL without a host")
    return parts.scheme, host, port or (443 if parts.scheme == "https" else 80)


class Fetcher:
    """Fetches for one source. `hosts`: the only ones it may reach, as `name`, `name:port` or `http://name`
    (plain HTTP, where a publisher offers nothing better).

    `origins` (tests) maps a host to a loopback port; `resolver`, `sleep`, `now` can be replaced in tests.
    Thread-safe; any number of fetchers share one connection and one gap per host, over processes too where
    `lock_folder` is given."""

    def __init__(
        self,
        hosts: Sequence[str],
        *,
        name: str = "",
        origins: Mapping[str, str] | None = None,
        limits: Limits | None = None,
        min_gap: float | None = None,
        backoff: float = 1.0,
        user_agent: str = USER_AGENT,
        resolver: Callable[[str, int], list[str]] = system_resolver,
        sleep: Callable[[float], None] = time.sleep,
        ca_file: str | None = None,
        lock_folder: Path | None = None,
        robots: bool = True,
        gaps: Mapping[str, float] | None = None,
    ):
        self.name = name
        self.origins = {normal_host(h): o for h, o in (origins or {}).items()}
        for origin in self.origins.values():
            origins_of(f"x={origin}")  # loopback only
        self.allowed: dict[str, set[tuple[str, int]]] = {}
        for entry in hosts:
            parts = urlsplit(entry if "://" in entry else f"https://{entry}")
            host = normal_host(parts.hostname or "")
            places = self.allowed.setdefault(host, set())
            port = parts.port or (80 if parts.scheme == "http" else 443)
            places.add((parts.scheme, port))
            if parts.scheme == "http":
                places.add(("https", 443))
        self.limits = limits or Limits()
        self.min_gap = min_gap
        self.gaps = {normal_host(h): g for h, g in (gaps or {}).items()}
        self.backoff = backoff
        self.resolver = resolver
        self.sleep = sleep
        self.ca_file = ca_file
        self.lock_folder = lock_folder
        self.use_robots = robots
        self.session = requests.Session()
        self.session.trust_env = False  # no proxy, netrc or CA bundle of the environment
        self.session.headers.clear()
        self.session.headers.update(
            {
                "User-Agent": user_agent,
                "Accept": "*/*",
                "Accept-Encoding": "gzip, deflate",
                "Connection": "close",
            }
        )
        self.requests = 0  # attempts made, robots.txt included

    @classmethod
    def for_source(cls, source: Source, home: Home | None = None) -> Fetcher:
        """The fetcher of a source; EVATLAS_TEST_ORIGINS and EVATLAS_TEST_GAP (seconds) serve tests."""
        home = home or Home.from_env()
        origins = origins_of(os.environ.get("EVATLAS_TEST_ORIGINS"))
        testing = bool(origins)
        return cls(
            source.hosts,
            name=source.name,
            origins=origins,
            min_gap=float(os.environ.get("EVATLAS_TEST_GAP", "0")) if testing else None,
            backoff=0.05 if testing else 1.0,
            lock_folder=home.root / "locks",
            gaps=None if testing else source.gaps,
        )

    # -- the public ways ------------------------------------------------------------
    def get(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        expect: str = "",
        key: str = "",
        context: FetchContext | None = None,
        limits: Limits | None = None,
        robots_exempt: str = "",
        end_marker: bool | None = None,
    ) -> Page:
        """GET one page.

        `expect` (html, json, csv, text, xml, xlsx, zip, pdf): refuse anything else, whatever the Content-Type
        says. `context`: ask conditionally with the validators of the last good snapshot; a 304 gives that
        snapshot's bytes again. `robots_exempt`: why robots.txt does not apply (a documented API whose usage
        policy is kept instead). `end_marker`: whether the body must show its structural end (default: where
        HTTP cannot tell). Raises FetchError or RejectFile."""
        if params:
            url += ("&" if "?" in url else "?") + urlencode(params)
        conditional: dict[str, str] = {}
        before: Mapping[str, str] | None = context.previous(redact(url)) if context is not None else None
        if before and context is not None and before.get("sha256"):
            if before.get("etag"):
                conditional["If-None-Match"] = before["etag"]
            if before.get("last-modified"):
                conditional["If-Modified-Since"] = before["last-modified"]
        answer, final = self._ask("GET", url, {**(headers or {}), **conditional}, None, limits, robots_exempt)
        if answer.status == 304:
            if not conditional or before is None or context is None:
                raise FetchError("protocol", f"{redact(url)} says 304 to an unconditional request")
            try:
                body = context.store.get(before["sha256"])
            except MissingBlob:
                answer, final = self._ask("GET", url, dict(headers or {}), None, limits, robots_exempt)
                if answer.status == 304:
                    raise FetchError("protocol", f"{redact(url)} says 304 to an unconditional request") from None
            else:
                kept = {k: v for k, v in before.items() if k not in ("sha256", "original_sha256")}
                return Page(url=redact(url), body=body, fetched_at=now(), headers=kept, key=key,
                            original_sha256=before.get("original_sha256", ""))  # fmt: skip
        return self._page(url, final, answer, expect, key, end_marker)

    def post(
        self,
        url: str,
        data: Mapping[str, str] | bytes,
        *,
        headers: Mapping[str, str] | None = None,
        expect: str = "",
        key: str = "",
        limits: Limits | None = None,
        robots_exempt: str = "",
        end_marker: bool | None = None,
    ) -> Page:
        """POST a query (form fields, or bytes as they are). Only for requests that change nothing at the
        other end: they are retried like a GET."""
        body = data if isinstance(data, bytes) else urlencode(data).encode("ascii")
        sent = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8", **(headers or {})}
        answer, final = self._ask("POST", url, sent, body, limits, robots_exempt)
        if answer.status == 304:
            raise FetchError("protocol", f"{redact(url)} says 304 to a POST")
        return self._page(url, final, answer, expect, key, end_marker)

    def download(
        self,
        url: str,
        to: Path,
        *,
        limits: Limits,
        headers: Mapping[str, str] | None = None,
        robots_exempt: str = "",
    ) -> tuple[str, dict[str, str]]:
        """Stream a large file to `to` (removed on failure). Returns its sha256 and the kept headers."""
        digest = hashlib.sha256()

        def sink(handle: Any) -> Callable[[bytes], None]:
            def write(chunk: bytes) -> None:
                digest.update(chunk)
                handle.write(chunk)

            return write

        try:
            with open(to, "w+b") as handle:

                def restart() -> Callable[[bytes], None]:
                    nonlocal digest
                    digest = hashlib.sha256()
                    handle.seek(0)
                    handle.truncate()
                    return sink(handle)

                answer, _ = self._ask("GET", url, dict(headers or {}), None, limits, robots_exempt, restart)
        except BaseException:
            to.unlink(missing_ok=True)
            raise
        return digest.hexdigest(), keep_headers(answer.headers)

    # -- the gate ------------------------------------------------------------
    def check(self, url: str) -> Target:
        """The target of a URL, resolved once and judged; raises FetchError where it must not be reached."""
        scheme, host, port = _place_of(url)
        with contextlib.suppress(ValueError):
            literal = ipaddress.ip_address(host)
            # In test mode loopback is no secret place: there the list alone decides.
            if forbidden_address(host) and not (literal.is_loopback and self.origins):
                raise FetchError("private_address", f"{host} is not of the public internet")
        self._require_listed(scheme, host, port)
        if self.origins:
            return self._test_target(url, scheme, host, port)
        addresses = self.resolver(host, port)
        if not addresses or any(forbidden_address(address) for address in addresses):
            raise FetchError("private_address", f"{host} resolves to an address that is not public")
        return Target(url, scheme, host, port, addresses[0], port, scheme, "")

    def _require_listed(self, scheme: str, host: str, port: int) -> None:
        places = self.allowed.get(host)
        if places is None:
            raise FetchError("host_not_allowed", f"{host} is not a host of {self.name or 'this source'}")
        if scheme not in {listed for listed, _ in places}:
            raise FetchError("scheme_not_allowed", f"{scheme} to {host}")
        if (scheme, port) not in places:
            raise FetchError("host_not_allowed", f"port {port} of {host} is not listed")

    def _test_target(self, url: str, scheme: str, host: str, port: int) -> Target:
        """In test mode: the server that stands for the host."""
        origin = self.origins.get(host)
        if origin is None:
            raise FetchError("host_not_allowed", f"{host} has no test origin, and tests reach nothing else")
        real_scheme = "https" if origin.startswith("https://") else "http"
        address, _, real_port = origin.rpartition("://")[2].rpartition(":")
        return Target(url, scheme, host, port, address, int(real_port), real_scheme, origin)

    def _ask(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, limits: Limits | None,
        robots_exempt: str, restart: Callable[[], Callable[[bytes], None]] | None = None,
    ) -> tuple[Answer, str]:  # fmt: skip
        limits = limits or self.limits
        sent = dict(headers)
        for _ in range(MAX_REDIRECTS + 1):
            target = self.check(url)
            if self.use_robots and not robots_exempt:
                self._robots(target)
            answer = self._attempts(method, target, sent, body, limits, restart)
            if answer.status not in (301, 302, 303, 307, 308):
                return answer, url
            location = answer.headers.get("location", "")
            if not location:
                raise FetchError("protocol", f"{redact(url)} redirects to nowhere")
            after = urljoin(url, location)
            if urlsplit(after).netloc != urlsplit(url).netloc:
                sent = {k: v for k, v in sent.items() if k.lower() not in ("authorization", "cookie")}
            if answer.status == 303 or (answer.status in (301, 302) and method == "POST"):
                method, body = "GET", None
                sent.pop("Content-Type", None)
            url = after
        raise FetchError("too_many_redirects", f"more than {MAX_REDIRECTS} redirects, last {redact(url)}")

    def _attempts(  # noqa: C901 - one loop: retry and circuit share their state over all its exits
        self, method: str, target: Target, headers: Mapping[str, str], body: bytes | None, limits: Limits,
        restart: Callable[[], Callable[[bytes], None]] | None = None,
    ) -> Answer:  # fmt: skip
        """Ask until there is an answer, by urllib3's Retry: backoff, Retry-After, bounded attempts."""
        state = host_state(target.host, target.origin)
        where = redact(target.url)
        if state.open_until > time.monotonic():
            raise FetchError(
                "challenged" if state.open_because == "challenged" else "circuit_open",
                f"{target.host} is left alone for now ({state.open_because})",
            )
        retry = Retry(
            total=limits.attempts - 1, backoff_factor=self.backoff, backoff_jitter=self.backoff / 4,
            status_forcelist=(429, 500, 502, 503, 504), allowed_methods=None, raise_on_status=False,
        )  # fmt: skip
        last = "gave_up"
        detail = ""
        while True:
            error: Exception | None = None
            answer: Answer | None = None
            try:
                answer = self._once(method, target, headers, body, limits, restart)
            except FetchError as failure:
                if failure.reason not in ("network", "truncated"):
                    state.failures += failure.reason == "deadline"
                    if state.failures >= CIRCUIT_FAILURES:
                        self._open(state, failure.reason)
                    raise
                last, detail = failure.reason, failure.text
                error = urllib3.exceptions.ProtocolError(failure.reason)
            if answer is not None:
                because = challenge(answer.status, answer.headers, answer.body)
                if because:
                    self._open(state, "challenged")
                    raise FetchError("challenged", f"{where}: {because}; not solved, not asked again for now")
                if not retry.is_retry(method, answer.status, "retry-after" in answer.headers):
                    state.failures = 0
                    return self._judge(answer, where)
                last = "rate_limited" if answer.status == 429 else "gave_up"
                detail = f"status {answer.status}"
            wait = retry.get_retry_after(answer.raw) if answer is not None else None
            if wait is not None and wait > RETRY_AFTER_CAP_S:
                self._open(state, last, wait)
                raise FetchError("rate_limited", f"{where}: asked to come back in {min(wait, 30 * 86_400):.0f} s")
            try:
                retry = retry.increment(method, target.url, response=answer.raw if answer else None, error=error)
            except urllib3.exceptions.MaxRetryError:
                pass
            except urllib3.exceptions.ProtocolError:
                pass
            else:
                self.sleep(max(wait or 0.0, retry.get_backoff_time()))
                continue
            state.failures += 1
            if state.failures >= CIRCUIT_FAILURES:
                self._open(state, last)
            raise FetchError(last, f"{where}: no whole answer in {limits.attempts} attempts; last: {detail}")

    def _open(self, state: HostState, because: str, seconds: float = CIRCUIT_OPEN_S) -> None:
        state.open_until = time.monotonic() + max(seconds, CIRCUIT_OPEN_S)
        state.open_because = because

    def _judge(self, answer: Answer, where: str) -> Answer:
        status = answer.status
        if status in (404, 410):
            raise FetchError("gone", f"{where}: status {status}", status)
        if status in (401, 403, 407):
            raise FetchError("forbidden", f"{where}: status {status}", status)
        if status >= 400 or status < 200:
            raise FetchError("status", f"{where}: status {status}", status)
        return answer

    # -- one attempt ------------------------------------------------------------
    def _once(
        self, method: str, target: Target, headers: Mapping[str, str], body: bytes | None, limits: Limits,
        restart: Callable[[], Callable[[bytes], None]] | None,
    ) -> Answer:  # fmt: skip
        where = redact(target.url)
        prepared = self.session.prepare_request(
            requests.Request(method, target.url, headers={**headers, "Host": target.netloc}, data=body)
        )
        with self._gate(target), Watchdog(limits.deadline) as watchdog:
            self.requests += 1
            adapter = PinnedAdapter(target, watchdog, self.ca_file)
            try:
                step = min(30.0, limits.deadline)
                response = adapter.send(prepared, stream=True, timeout=(step, step), verify=True)
                extract_cookies_to_jar(self.session.cookies, prepared, response.raw)  # type: ignore[no-untyped-call]
                answer = self._read(response, limits, restart)
                if watchdog.fired:  # a body without a length looks whole when its socket is shut down
                    raise FetchError("deadline", f"not done in {limits.deadline:.0f} s")
                return answer
            except FetchError as failure:
                raise FetchError(failure.reason, f"{where}: {failure.text}", failure.status) from None
            except Exception as failure:  # requests, urllib3, http.client, ssl and socket each have their own
                if watchdog.fired:
                    raise FetchError("deadline", f"{where}: not done in {limits.deadline:.0f} s") from None
                reason = reason_of(failure)
                if not reason:
                    raise
                raise FetchError(reason, f"{where}: {type(failure).__name__}") from None
            finally:
                adapter.close()

    def _read(
        self,
        response: requests.Response,
        limits: Limits,
        restart: Callable[[], Callable[[bytes], None]] | None,
    ) -> Answer:
        headers = {k.lower(): v for k, v in response.headers.items()}
        raw = response.raw
        body = bytearray()
        whole = restart is None or response.status_code != 200
        sink: Callable[[bytes], None] = body.extend if whole or restart is None else restart()
        cap = limits if response.status_code == 200 else Limits(wire=1_000_000, decoded=1_000_000)
        inflater = Inflater(content_encoding(headers), cap)
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > cap.wire:
            raise FetchError("too_large", f"announces more than {cap.wire} bytes")
        try:
            for chunk in raw.stream(CHUNK, decode_content=False):
                for out in inflater.feed(chunk):
                    sink(out)
            for out in inflater.finish():
                sink(out)
        finally:
            raw.close()
        delimited = length.isdigit() or "chunked" in headers.get("transfer-encoding", "").lower()
        return Answer(response.status_code, headers, bytes(body), delimited, raw)

    @contextlib.contextmanager
    def _gate(self, target: Target) -> Iterator[None]:
        """One connection a host, and a gap between two: over threads, and over processes by a lock file."""
        state = host_state(target.host, target.origin)
        gap = max(1.0 if self.min_gap is None else self.min_gap, state.crawl_delay, self.gaps.get(target.host, 0.0))
        with state.lock, contextlib.ExitStack() as stack:
            handle = None
            last = state.last_end
            if self.lock_folder is not None:
                self.lock_folder.mkdir(parents=True, exist_ok=True)
                place = target.origin.replace("/", "_") or str(target.port)
                handle = stack.enter_context(open(self.lock_folder / f"{target.host}_{place}", "a+"))
                fcntl.flock(handle, fcntl.LOCK_EX)
                handle.seek(0)
                with contextlib.suppress(ValueError):
                    last = max(last, min(float(handle.read() or 0), time.time()))
            wait = last + gap - time.time()
            if wait > 0:
                time.sleep(wait)
            try:
                yield
            finally:
                state.last_end = time.time()
                if handle is not None:
                    handle.seek(0)
                    handle.truncate()
                    handle.write(f"{state.last_end:.3f}")
                    handle.flush()

    # -- robots.txt ------------------------------------------------------------
    def _robots(self, target: Target) -> None:
        state = host_state(target.host, target.origin)
        if state.robots is None or time.monotonic() - state.robots_at > ROBOTS_TTL_S:
            state.robots = self._read_robots(target)
            state.robots_at = time.monotonic()
            delay = state.robots.crawl_delay(USER_AGENT.split("/")[0])
            state.crawl_delay = min(float(delay or 0.0), 300.0)
        parts = urlsplit(target.url)
        if not state.robots.can_fetch(urlunsplit(("", "", parts.path or "/", parts.query, "")), USER_AGENT):
            raise FetchError("robots", f"robots.txt of {target.host} does not want {redact(target.url)} read")

    def _read_robots(self, target: Target) -> Protego:
        """RFC 9309: 4xx means all is allowed, 5xx that nothing is."""
        url = f"{target.scheme}://{target.netloc}/robots.txt"
        limits = Limits(wire=ROBOTS_CAP, decoded=ROBOTS_CAP, deadline=30, attempts=2)
        try:
            answer, _ = self._ask("GET", url, {}, None, limits, "robots.txt itself")
        except FetchError as error:
            if error.reason == "too_large":
                why = f"robots.txt of {target.host} is beyond {ROBOTS_CAP} bytes"
                raise FetchError("robots_too_large", why) from None
            if 400 <= error.status < 500 and error.reason in ("gone", "forbidden", "status"):
                return Protego.parse("")
            if error.reason in (
                "gave_up",
                "rate_limited",
                "status",
                "too_many_redirects",
                "host_not_allowed",
            ):
                raise FetchError("robots_unreachable", f"robots.txt of {target.host}: {error}") from None
            raise
        return Protego.parse(answer.body.decode("utf-8", errors="replace"))

    # -- the page ------------------------------------------------------------
    def _page(self, url: str, final: str, answer: Answer, expect: str, key: str, end_marker: bool | None) -> Page:
        where = redact(final)
        require_kind(answer.body, expect, where)
        if end_marker or (end_marker is None and not answer.delimited):
            require_whole(answer.body, expect, where)
        media = answer.headers.get("content-type", "")
        return Page(
            url=redact(url),
            body=scrub(answer.body, media),
            fetched_at=now(),
            status=answer.status,
            headers=keep_headers(answer.headers),
            key=key,
            original_sha256=hashlib.sha256(answer.body).hexdigest(),
        )


def keep_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The response headers that are kept with a page (KEPT_HEADERS says which, and why others are not)."""
    found = {name: headers[name].strip() for name in KEPT_HEADERS if name in headers}
    kept = {name: text for name, text in found.items() if KEPT_HEADERS[name].fullmatch(text) and redact_text(text) == text}
    if "content-disposition" in headers:
        kept["content-disposition"] = redact_text(file_name(headers["content-disposition"]))[:500]
    return kept


def file_name(text: str) -> str:
    """A Content-Disposition as it is read: percent signs undone, and bytes that HTTP carried as Latin-1 in their encoding."""
    for charset in ("utf-8", "gb18030"):
        try:
            text = text.encode("latin-1").decode(charset)
            break
        except UnicodeError:
            continue
    return unquote(text)


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(microsecond=0)


def fetcher_of(context: FetchContext) -> Fetcher:
    """The fetcher of a context. Raises SourceError where a live source was started without one."""
    if context.web is None:
        raise SourceError(Health.unreachable, "this source needs a network, and no fetcher was given")
    return cast(Fetcher, context.web)
