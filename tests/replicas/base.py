"""A small threaded HTTP server that stands for a publisher.

Belongs here: what all replicas share (a loopback port, a log of requests, scripted faults). Does not belong
here: any publisher's protocol; each has its own module beside this one.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    at: float
    raw_query: str = ""


@dataclass
class Reply:
    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, text: str, **kind: Any) -> Reply:
        headers = {"Content-Type": "application/json;charset=UTF-8", **kind.pop("headers", {})}
        return cls(text.encode("utf-8"), headers=headers, **kind)


@dataclass
class Replica:
    """`answer(request)` speaks the protocol. `faults` are replies given first, one a request, except to
    robots.txt; None in the list lets that request through."""

    answer: Callable[[Request], Reply]
    host: str
    robots: str = ""
    faults: list[Reply | None] = field(default_factory=list)
    log: list[Request] = field(default_factory=list)
    open_now: int = 0
    open_most: int = 0
    port: int = 0
    delay: float = 0.0  # seconds that every answer takes

    @property
    def origin(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def asked(self) -> list[Request]:
        """The requests without those for robots.txt."""
        return [r for r in self.log if r.path != "/robots.txt"]


@contextlib.contextmanager
def serve(replica: Replica) -> Iterator[Replica]:
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do(self) -> None:
            with lock:
                replica.open_now += 1
                replica.open_most = max(replica.open_most, replica.open_now)
            try:
                self.reply()
            finally:
                with lock:
                    replica.open_now -= 1

        def reply(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            request = Request(
                method=self.command,
                path=parts.path,
                query={k: v[-1] for k, v in parse_qs(parts.query, keep_blank_values=True).items()},
                headers={k.lower(): v for k, v in self.headers.items()},
                body=self.rfile.read(length),
                at=time.time(),
                raw_query=parts.query,
            )
            with lock:
                replica.log.append(request)
                fault = None
                if parts.path != "/robots.txt" and replica.faults:
                    fault = replica.faults.pop(0)
            if request.headers.get("host", "").split(":")[0] != replica.host:
                reply = Reply(b"wrong host", 421)
            elif parts.path == "/robots.txt":
                reply = Reply(replica.robots.encode(), 200 if replica.robots else 404)
            elif fault is not None:
                reply = fault
            else:
                if replica.delay:
                    time.sleep(replica.delay)
                reply = replica.answer(request)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.send_header("Connection", "close")
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(reply.body)
            self.close_connection = True

        do_GET = do_POST = do

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    replica.port = server.server_address[1]
    try:
        yield replica
    finally:
        server.shutdown()
        server.server_close()
