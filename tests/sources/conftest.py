"""What the tests of live sources share: a home, and a fetcher that reaches a replica instead of the world.

Belongs here: fixtures. Does not belong here: assertions.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.declaration import Source
from ingest.home import Home
from ingest.store.landing import Landing
from ingest.web import errors, fetcher
from tests.replicas.base import Replica


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def landing_on(home: Home) -> Callable[..., Landing]:
    """landing_on(source, replica, ...): a Landing whose fetcher sends the source's hosts to the replicas."""

    def make(source: Source, *replicas: Replica, gap: float = 0.0, attempts: int = 4) -> Landing:
        web = fetcher.Fetcher(
            source.hosts,
            name=source.name,
            origins={replica.host: replica.origin for replica in replicas},
            limits=errors.Limits(attempts=attempts),
            min_gap=gap,
            backoff=0.01,
        )
        return Landing(home, web=web)

    return make
