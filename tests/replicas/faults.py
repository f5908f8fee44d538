"""A fault server: raw sockets, so that every break of HTTP can be played.

Belongs here: the faults of a network and of hostile servers. Does not belong here: assertions.
"""

from __future__ import annotations

import contextlib
import gzip
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

PAGE = "<!doctype html><html><head><meta charset=utf-8></head><body>新能源汽车 政策</body></html>".encode()


@dataclass
class Asked:
    path: str
    head: str
    at: float

    def header(self, name: str) -> str:
        for line in self.head.split("\r\n")[1:]:
            key, _, value = line.partition(":")
            if key.strip().lower() == name.lower():
                return value.strip()
        return ""


Script = Callable[[socket.socket, Asked, int], None]


def send(
    sock: socket.socket, body: bytes = PAGE, status: int = 200, *lines: str, length: bool = True
) -> None:
    head = [f"HTTP/1.1 {status} X", *lines]
    if length:
        head.append(f"Content-Length: {len(body)}")
    if not any(line.lower().startswith("content-type") for line in lines):
        head.append("Content-Type: text/html")
    sock.sendall(("\r\n".join([*head, "Connection: close", "", ""])).encode("latin-1") + body)


@dataclass
class FaultServer:
    """`script(sock, asked, n)` answers the n-th request that is not for robots.txt; `robots` answers those."""

    script: Script
    robots: Script = field(default=lambda sock, asked, n: send(sock, b"", 404))
    log: list[Asked] = field(default_factory=list)
    robots_log: list[Asked] = field(default_factory=list)
    port: int = 0
    open_now: int = 0
    open_most: int = 0
    address: str = "127.0.0.1"


@contextlib.contextmanager
def serve(server: FaultServer, context: ssl.SSLContext | None = None) -> Iterator[FaultServer]:
    listener = socket.create_server((server.address, server.port))
    server.port = listener.getsockname()[1]
    stop = threading.Event()
    lock = threading.Lock()

    def one(sock: socket.socket) -> None:
        with lock:
            server.open_now += 1
            server.open_most = max(server.open_most, server.open_now)
        try:
            sock.settimeout(20)
            if context is not None:
                sock = context.wrap_socket(sock, server_side=True)
            data = b""
            while b"\r\n\r\n" not in data:
                more = sock.recv(65536)
                if not more:
                    return
                data += more
            head = data.split(b"\r\n\r\n")[0].decode("latin-1")
            asked = Asked(head.split(" ")[1], head, time.time())
            with lock:
                log = server.robots_log if asked.path == "/robots.txt" else server.log
                log.append(asked)
                number = len(log)
            (server.robots if asked.path == "/robots.txt" else server.script)(sock, asked, number)
        except OSError:
            pass
        finally:
            with contextlib.suppress(OSError):
                sock.close()
            with lock:
                server.open_now -= 1

    def accept() -> None:
        while not stop.is_set():
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(sock,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        stop.set()
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def gzip_bomb(size: int) -> bytes:
    """`size` zero bytes, compressed about a thousand times."""
    return gzip.compress(b"\0" * size, 9)


def drip(sock: socket.socket, data: bytes, per_second: float) -> None:
    for index in range(len(data)):
        sock.sendall(data[index : index + 1])
        time.sleep(1 / per_second)


def reset(sock: socket.socket) -> None:
    """Close with RST, as a middlebox that cuts a connection does."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
