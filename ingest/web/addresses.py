"""Addresses: which may be asked, how a host is written, and what of a URL may be shown.

Belongs here: forbidden networks, test origins, secrets in queries. Does not belong here: connecting (connection.py).
"""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

import idna

from ingest.text.scrub import redact as redact_text
from ingest.web.errors import FetchError

SECRET_PARAM = re.compile(
    r"^(.*[_-])?(key|appkey|apikey|token|secret|password|passwd|pwd|sign|signature|auth|ak|sk|session|sid)$",
    re.IGNORECASE,
)


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
