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
import functools
import hashlib
import http.client
import ipaddress
import json
import logging
import os
import re
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, unquote, urlencode, urljoin, urlsplit, urlunsplit

import certifi
import idna
import requests
import urllib3
from protego import Protego
from requests.adapters import HTTPAdapter
from requests.cookies import extract_cookies_to_jar
from urllib3.util.retry import Retry

from ingest.declaration import FetchContext, Health, Page, RejectFile, Source, SourceError
from ingest.home import Home
from ingest.store.raw import MissingBlob, RawStore
from ingest.text.scrub import PHONE, is_mobile_number, is_person_column, redact_bytes
from ingest.text.scrub import redact as redact_text
from ingest.web.bodies import challenge, decode_text, kind_of, require_kind, require_whole

__all__ = ["FetchError", "Fetcher", "Limits", "decode_text", "redact"]

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
RATIO_FROM_BYTES = 1_000_000  # small bodies may compress as well as they like
CHUNK = 64 * 1024
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
SECRET_PARAM = re.compile(
    r"^(.*[_-])?(key|appkey|apikey|token|secret|password|passwd|pwd|sign|signature|auth|ak|sk|session|sid)$",
    re.IGNORECASE,
)

#: JSON with padding, as `jsonpCallback12({...})` and `null([...])` are.
CALLBACK = re.compile(rb"(\s*[A-Za-z_$][\w$.]{0,80}\s*\(\s*)([\[{].*[\]}])(\s*\)\s*;?\s*)", re.DOTALL)

HEALTH_OF_REASON = {
    "challenged": Health.challenged,
    "rate_limited": Health.rate_limited,
    "gone": Health.gone,
}


class FetchError(SourceError):
    """A request that gave nothing to keep. `reason` is a short code: host_not_allowed, scheme_not_allowed,
    userinfo, private_address, too_many_redirects, too_large, encoding, deadline, truncated, protocol, tls,
    dns, network, gave_up, forbidden, gone, rate_limited, challenged, robots, robots_unreachable,
    robots_too_large, circuit_open, status. `status` is that of the answer, 0 where there was none. Its message never
    holds a secret."""

    def __init__(self, reason: str, message: str, status: int = 0):
        super().__init__(HEALTH_OF_REASON.get(reason, Health.unreachable), f"{reason}: {message}")
        self.reason = reason
        self.text = redact_text(message)
        self.status = status


@dataclass(frozen=True)
class Limits:
    """Caps of one request: bytes on the wire and decoded, ratio of the two, seconds from first byte sent to
    last byte read (one attempt), attempts in all."""

    wire: int = 20_000_000
    decoded: int = 20_000_000
    ratio: float = 200.0
    deadline: float = 60.0
    attempts: int = 4


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


@dataclass(frozen=True)
class Target:
    """A URL that passed the gate: where to connect, and under which name."""

    url: str
    scheme: str
    host: str
    port: int
    address: str
    connect_port: int
    connect_scheme: str
    origin: str  # "" or the test origin

    @property
    def netloc(self) -> str:
        default = 443 if self.scheme == "https" else 80
        return self.host if self.port == default else f"{self.host}:{self.port}"


# -- addresses and names ------------------------------------------------------------
def forbidden_address(text: str) -> bool:
    """Whether an address is not of the public internet: private, loopback, link-local (cloud metadata),
    multicast, reserved; also when hidden in IPv6 (v4-mapped, 6to4, Teredo, NAT64)."""
    address = ipaddress.ip_address(text.split("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is None and address in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None and forbidden_address(str(inner)):
            return True
        if address.is_site_local:  # deprecated, but still routed inside some networks
            return True
    return not address.is_global or address.is_multicast


def normal_host(host: str) -> str:
    """Lower case ASCII form of a host name (IDNA, UTS 46), without a trailing dot; literals stay."""
    host = host.strip("[]").rstrip(".").lower()
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError:
        raise FetchError("host_not_allowed", "the host name is not a valid one") from None


def redact(url: str) -> str:
    """A URL that may be written down: no userinfo, values of key-like parameters masked, contacts of people taken out of
    its query (a path stays what it is: its numbers are names of documents)."""
    parts = urlsplit(url)
    netloc = parts.netloc.rsplit("@", 1)[-1]
    query = parts.query
    if query and (clean := redact_text(unquote(query))) != unquote(query):
        query = clean
    if query:
        pairs = parse_qsl(query, keep_blank_values=True)
        if any(SECRET_PARAM.match(name) for name, _ in pairs):
            query = urlencode([(n, "***" if SECRET_PARAM.match(n) else v) for n, v in pairs], safe="*")
    return urlunsplit((parts.scheme, netloc, parts.path, query, ""))


def system_resolver(host: str, port: int) -> list[str]:
    """All addresses of a host, asked in a thread so that a dead resolver cannot hold a run up."""
    found: list[str] = []
    failure: list[str] = []

    def ask() -> None:
        try:
            found.extend(str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except OSError as error:
            failure.append(str(error))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(20)
    if not found:
        raise FetchError("dns", f"{host} has no address here ({(failure or ['no answer in 20 s'])[0]})")
    return list(dict.fromkeys(found))


def origins_of(text: str | None) -> dict[str, str]:
    """EVATLAS_TEST_ORIGINS -> host: origin. Only loopback is taken: this can never become a way in. Raises
    ValueError."""
    found = {}
    for item in filter(None, (part.strip() for part in (text or "").split(","))):
        host, _, origin = item.partition("=")
        place = origin.removeprefix("https://").removeprefix("http://")
        name, _, port = place.rpartition(":")
        if not port.isdigit() or not ipaddress.ip_address(name).is_loopback:
            raise ValueError(f"EVATLAS_TEST_ORIGINS: {item!r} is not host=127.0.0.1:port")
        found[normal_host(host)] = origin
    return found


# -- the watchdog and pinned connections ------------------------------------------------------------
class Watchdog:
    """Ends one attempt at a wall-clock time by shutting its socket down, whatever is being waited for
    (handshake, headers or body): timeouts of requests count only silence between two reads."""

    def __init__(self, seconds: float):
        self.fired = False
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._fire)
        self._timer.daemon = True

    def watch(self, sock: socket.socket) -> None:
        # A duplicate, since TLS takes the original's descriptor away; shutting down either ends both.
        copy = socket.socket(fileno=os.dup(sock.fileno()))
        with self._lock:
            self._sockets.append(copy)
            if self.fired:
                self._end(copy)

    def _end(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)

    def _fire(self) -> None:
        with self._lock:
            self.fired = True
            for sock in self._sockets:
                self._end(sock)

    def __enter__(self) -> Watchdog:
        self._timer.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._timer.cancel()
        with self._lock:
            for sock in self._sockets:
                sock.close()
            self._sockets.clear()


class PinnedAdapter(HTTPAdapter):
    """Connects to the address that was checked, under the host's own name: no second look-up changes it."""

    def __init__(self, target: Target, watchdog: Watchdog, ca_file: str | None):
        self._target, self._watchdog, self._ca_file = target, watchdog, ca_file
        super().__init__(max_retries=0, pool_connections=1, pool_maxsize=1)

    def get_connection_with_tls_context(
        self, request: Any, verify: Any, proxies: Any = None, cert: Any = None
    ) -> urllib3.HTTPConnectionPool:
        target, watchdog = self._target, self._watchdog

        class Plain(urllib3.connection.HTTPConnection):
            def _new_conn(self) -> socket.socket:
                sock = super()._new_conn()
                watchdog.watch(sock)
                return sock

        class Tls(urllib3.connection.HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                sock = super()._new_conn()
                watchdog.watch(sock)
                return sock

        if target.connect_scheme == "https":
            pool: urllib3.HTTPConnectionPool = urllib3.HTTPSConnectionPool(
                target.address, target.connect_port, maxsize=1, cert_reqs="CERT_REQUIRED",
                ca_certs=self._ca_file or certifi.where(),
                server_hostname=target.host, assert_hostname=target.host,
            )  # fmt: skip
            pool.ConnectionCls = Tls
        else:
            pool = urllib3.HTTPConnectionPool(target.address, target.connect_port, maxsize=1)
            pool.ConnectionCls = Plain
        self._pool = pool
        return pool

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Nothing to do: the pool above verifies, and no caller may ask it not to."""

    def close(self) -> None:
        pool = getattr(self, "_pool", None)
        if pool is not None:
            pool.close()
        super().close()


# -- bodies ------------------------------------------------------------
class Inflater:
    """Decodes one content encoding with a hard limit on what comes out, so that a bomb costs no memory."""

    def __init__(self, encoding: str, limits: Limits):
        self.encoding, self.limits = encoding, limits
        self.wire = self.decoded = 0
        self._z = self._new() if encoding else None
        self._raw_deflate = False

    def _new(self) -> Any:
        return zlib.decompressobj(31 if self.encoding == "gzip" else zlib.MAX_WBITS)

    def _count(self, out: bytes) -> bytes:
        self.decoded += len(out)
        if self.decoded > self.limits.decoded:
            raise FetchError("too_large", f"more than {self.limits.decoded} bytes decoded")
        if self.decoded > RATIO_FROM_BYTES and self.decoded > self.limits.ratio * max(self.wire, 1):
            raise FetchError("too_large", f"expands more than {self.limits.ratio:.0f} times")
        return out

    def feed(self, data: bytes) -> Iterator[bytes]:
        first = self.wire == 0
        self.wire += len(data)
        if self.wire > self.limits.wire:
            raise FetchError("too_large", f"more than {self.limits.wire} bytes on the wire")
        if self._z is None:
            yield self._count(data)
            return
        try:
            while data:
                if self._z.eof:
                    if not data.strip(b"\0"):
                        return
                    self._z = self._new()  # a further gzip member
                out = self._z.decompress(data, CHUNK)
                yield self._count(out)
                data = self._z.unused_data if self._z.eof else self._z.unconsumed_tail
        except zlib.error:
            if first and self.encoding == "deflate" and self.decoded == 0:
                self._z = zlib.decompressobj(-zlib.MAX_WBITS)  # servers that send raw deflate
                self.wire -= len(data)
                yield from self.feed(data)
                return
            raise FetchError("encoding", f"the body is not {self.encoding}") from None

    def finish(self) -> Iterator[bytes]:
        if self._z is None:
            return
        while not self._z.eof:
            out = self._z.decompress(self._z.unconsumed_tail, CHUNK)
            if not out:
                break
            yield self._count(out)
        if self.wire and not self._z.eof:
            raise FetchError("truncated", f"the {self.encoding} body ends before its end")


def content_encoding(headers: Mapping[str, str]) -> str:
    """The one encoding of a body; "" for none. Raises FetchError("encoding") for chains and unknown ones."""
    names = [n.strip().lower() for n in headers.get("content-encoding", "").split(",") if n.strip()]
    names = [n for n in names if n != "identity"]
    if not names:
        return ""
    if len(names) > 1:
        raise FetchError("encoding", "a body encoded more than once")
    name = {"x-gzip": "gzip"}.get(names[0], names[0])
    if name not in ("gzip", "deflate"):
        raise FetchError("encoding", "an encoding that was not offered")
    return name


def scrub(body: bytes, media: str) -> bytes:
    """The body without personal data, as the raw store keeps it.

    JSON is taken apart: fields about persons go, and only texts are searched for numbers of people (an
    OpenStreetMap id looks like a mobile number). All else is the business of ingest/text/scrub.py."""
    kind = kind_of(body)
    call = CALLBACK.fullmatch(body) if kind == "text" else None  # JSON handed to a function: fields go there, too
    if kind == "json" or call is not None:
        head, inner, tail = call.groups() if call is not None else (b"", body, b"")
        try:
            found = json.loads(inner)
        except (ValueError, RecursionError):
            return scrub_bytes(body)
        clean = scrub_json(found)
        return body if clean == found else head + json.dumps(clean, ensure_ascii=False).encode("utf-8") + tail
    if kind == "binary" and body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return scrub_bytes(body)  # text in UTF-16: half of its bytes are zeros
    if kind in ("pdf", "ole") or (kind in ("zip", "gzip", "binary") and not media.startswith("text/")):
        # a table of declared columns: its parser stores no other; a document: its text is compressed, and a changed byte
        # breaks it, so that its source must clean it (policy_releases keeps the text instead)
        return body
    return scrub_bytes(body)


def scrub_bytes(body: bytes) -> bytes:
    """A text without personal patterns, in the encoding that its bytes show."""
    try:
        charset = decode_text(body)[1]
    except RejectFile:
        charset = "utf-8"
    return redact_bytes(body, charset)  # names and numbers in a page of GBK are found in GBK


def scrub_json(value: Any) -> Any:
    """A JSON value without fields about persons, and with personal patterns in its texts, names of fields and numbers
    redacted. Numbers of fields that are ids stay."""
    if isinstance(value, dict):
        found: dict[str, Any] = {}
        for name, inner in value.items():
            if person_field(name):
                continue
            clean, number = redact_text(name), 1
            while clean in found:  # two names that are alike without what was taken out
                number += 1
                clean = f"{redact_text(name)} {number}"
            found[clean] = inner if ID_FIELD.search(name) and not holds_text(inner) else scrub_json(inner)
        return found
    if isinstance(value, list):
        return [scrub_json(item) for item in value]
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and is_mobile_number(str(value)):
        return PHONE
    return value


#: Fields whose numbers name things: OpenStreetMap counts its nodes in eleven digits.
ID_FIELD = re.compile(r"(?i:(?:^|_)(?:id|ids|oid|ref|refs|nodes|code|codes|version|changeset))$|[a-z](?:Id|ID|Ids|Code)$")


def holds_text(value: Any) -> bool:
    """Whether a value is, or has in it, anything but numbers."""
    return any(map(holds_text, value)) if isinstance(value, list) else isinstance(value, str | dict)


@functools.cache
def person_field(name: str) -> bool:
    """Whether a field of this name is about a person: by the column rules, and by the prefixes that Chinese
    exchanges use (REPR_PHONE, SECRETARY_NAME)."""
    return is_person_column(name) or is_person_column(name.replace("_", " "))


@dataclass
class Answer:
    """One response, read and decoded, before it becomes a Page."""

    status: int
    headers: dict[str, str]
    body: bytes
    delimited: bool  # whether HTTP itself said where the body ends
    raw: Any = None


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
                body = RawStore(context.home.raw).get(before["sha256"])
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
        port = port or (443 if parts.scheme == "https" else 80)
        with contextlib.suppress(ValueError):
            literal = ipaddress.ip_address(host)
            # In test mode loopback is no secret place: there the list alone decides.
            if forbidden_address(host) and not (literal.is_loopback and self.origins):
                raise FetchError("private_address", f"{host} is not of the public internet")
        places = self.allowed.get(host)
        if places is None:
            raise FetchError("host_not_allowed", f"{host} is not a host of {self.name or 'this source'}")
        if (parts.scheme, port) not in places:
            if parts.scheme not in {scheme for scheme, _ in places}:
                raise FetchError("scheme_not_allowed", f"{parts.scheme} to {host}")
            raise FetchError("host_not_allowed", f"port {port} of {host} is not listed")
        origin = self.origins.get(host)
        if origin is not None:
            scheme = "https" if origin.startswith("https://") else "http"
            address, _, text = origin.rpartition("://")[2].rpartition(":")
            return Target(url, parts.scheme, host, port, address, int(text), scheme, origin)
        if self.origins:
            raise FetchError("host_not_allowed", f"{host} has no test origin, and tests reach nothing else")
        addresses = self.resolver(host, port)
        if not addresses or any(forbidden_address(address) for address in addresses):
            raise FetchError("private_address", f"{host} resolves to an address that is not public")
        return Target(url, parts.scheme, host, port, addresses[0], port, parts.scheme, "")

    # -- one question, with redirects ------------------------------------------------------------
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

    def _attempts(
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


def reason_of(error: BaseException) -> str:
    """The reason code of a library's exception, causes included; "" for what is no network matter."""
    seen: set[int] = set()
    chain: list[BaseException] = []
    queue: list[Any] = [error]
    while queue:
        item = queue.pop()
        if not isinstance(item, BaseException) or id(item) in seen:
            continue
        seen.add(id(item))
        chain.append(item)
        queue += [*item.args, item.__cause__, item.__context__, getattr(item, "reason", None)]
    kinds = tuple(chain)
    if any(isinstance(e, (requests.exceptions.SSLError, urllib3.exceptions.SSLError)) for e in kinds) or any(
        type(e).__module__ == "ssl" for e in kinds
    ):
        return "tls"
    if any(isinstance(e, (urllib3.exceptions.IncompleteRead, http.client.IncompleteRead)) for e in kinds) or any(
        isinstance(e, urllib3.exceptions.InvalidChunkLength) for e in kinds
    ):
        return "truncated"
    if any(isinstance(e, urllib3.exceptions.ProtocolError) and "prematurely" in str(e) for e in kinds):
        return "truncated"
    if any(isinstance(e, http.client.RemoteDisconnected) for e in kinds):
        return "network"
    if any(isinstance(e, (http.client.HTTPException, requests.exceptions.InvalidHeader)) for e in kinds):
        return "protocol"
    if any(isinstance(e, (OSError, urllib3.exceptions.HTTPError, requests.exceptions.RequestException)) for e in kinds):
        return "network"
    return ""


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(microsecond=0)


def asked(context: FetchContext) -> Fetcher:
    """The fetcher of a context. Raises SourceError where a live source was started without one."""
    if context.web is None:
        raise SourceError(Health.unreachable, "this source needs a network, and no fetcher was given")
    return cast(Fetcher, context.web)
