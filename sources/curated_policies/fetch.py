"""Fetching: the bundled files as pages. Belongs here: nothing but that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ingest.curated import declared_day
from ingest.declaration import FetchContext, Page
from ingest.store.landing import page_of

DATA = Path(__file__).parent / "data"


def fetch(ctx: FetchContext, partition: str) -> Iterator[Page]:
    for name in ("known_policies.csv", "additions.csv", "corrections.csv", "versions.csv", "policies_evidence.csv"):
        yield page_of(DATA / name, declared_day(DATA))
