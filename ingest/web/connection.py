"""One connection: to the address that was checked, within its time, and inflated within its size.

Belongs here: the adapter of requests, the watchdog, decompression, the reason of an error. Does not belong here: whom to ask and when (fetcher.py).
"""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import threading
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import certifi
import requests
import urllib3
from requests.adapters import HTTPAdapter

from ingest.web.addresses import Target
from ingest.web.errors import FetchError, Limits

RATIO_FROM_BYTES = 1_000_000  # small bodies may compress as well as they like
CHUNK = 64 * 1024


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


def _with_causes(error: BaseException) -> list[BaseException]:
    """An exception and all that it wraps, was raised from or carries as an argument."""
    seen: set[int] = set()
    found: list[BaseException] = []
    queue: list[Any] = [error]
    while queue:
        item = queue.pop()
        if not isinstance(item, BaseException) or id(item) in seen:
            continue
        seen.add(id(item))
        found.append(item)
        queue += [*item.args, item.__cause__, item.__context__, getattr(item, "reason", None)]
    return found


def _is_tls(error: BaseException) -> bool:
    wrapped = isinstance(error, (requests.exceptions.SSLError, urllib3.exceptions.SSLError))
    return wrapped or type(error).__module__ == "ssl"


def _is_truncated(error: BaseException) -> bool:
    cut = (urllib3.exceptions.IncompleteRead, http.client.IncompleteRead, urllib3.exceptions.InvalidChunkLength)
    return isinstance(error, cut) or (
        isinstance(error, urllib3.exceptions.ProtocolError) and "prematurely" in str(error)
    )


def _is_hung_up(error: BaseException) -> bool:
    return isinstance(error, http.client.RemoteDisconnected)  # a ProtocolError too, but nobody broke the protocol


def _is_protocol(error: BaseException) -> bool:
    return isinstance(error, (http.client.HTTPException, requests.exceptions.InvalidHeader))


def _is_network(error: BaseException) -> bool:
    return isinstance(error, (OSError, urllib3.exceptions.HTTPError, requests.exceptions.RequestException))


#: The first kind that an exception or one of its causes is of.
_REASONS = (
    ("tls", _is_tls),
    ("truncated", _is_truncated),
    ("network", _is_hung_up),
    ("protocol", _is_protocol),
    ("network", _is_network),
)


def reason_of(error: BaseException) -> str:
    """The reason code of a library's exception, causes included; "" for what is no network matter."""
    errors = _with_causes(error)
    for reason, is_it in _REASONS:
        if any(is_it(each) for each in errors):
            return reason
    return ""
