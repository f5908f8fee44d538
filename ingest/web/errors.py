"""Why an address could not be read, and the limits within which it is.

Belongs here: the error, its health of a source, sizes and times. Does not belong here: raising it (fetcher.py, connection.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from ingest.declaration import Health, SourceError
from ingest.text.scrub import redact as redact_text

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
