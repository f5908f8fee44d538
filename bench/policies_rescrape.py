"""A second look at a site of 2,000 pages: how much of it costs nothing, and whether the gap was kept.

    python -m bench.policies_rescrape [--pages 2000] [--gap 0.02]

A replica of a gkmlpt site stands on a loopback port: 20 months of 100 documents. Six pages of ten carry validators; the
others never repeat their bytes (a counter), as many sites' do. Between the two runs 2 % of the texts change. What is
measured is ours alone: requests, answers, and the server's own log of when they came. Prints one line a claim and exits
with 1 where one does not hold. Does not belong here: any test of what a page means (tests/sources).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ingest.home import Home
from ingest.store.landing import Landing
from ingest.web import fetcher
from sources.policy_releases import SOURCE
from tests.replicas.base import Reply, Request, serve
from tests.replicas.policies_json import Gkmlpt
from tests.replicas.policies_site import Doc, subsidy

MONTHS = [f"{year}-{month:02d}" for year in (2022, 2023) for month in range(1, 13)][:20]


@dataclass
class Mixed(Gkmlpt):
    """Six documents of ten answer with validators; the bytes of the others never repeat."""

    per_page: int = 100

    def page(self, doc: Doc, request: Request) -> Reply:
        self.noise = int(doc.path.rsplit("_", 1)[1].split(".")[0]) % 10 >= 6
        reply = super().page(doc, request)
        self.noise = False
        return reply


def run(home: Home, replica: Mixed, gap: float) -> tuple[dict[str, int], float]:
    """One run over all months: outcome -> partitions, and the seconds it took."""
    web = fetcher.Fetcher(
        SOURCE.hosts, name=SOURCE.name, origins={replica.host: replica.origin}, min_gap=gap, lock_folder=home.root / "locks"
    )
    landing = Landing(home, web=web)
    start = time.perf_counter()
    outcomes: dict[str, int] = {}
    for month in reversed(MONTHS):
        account = landing.land(SOURCE, f"{month}__guangzhou")
        outcomes[account.outcome] = outcomes.get(account.outcome, 0) + 1
        if account.message:
            print(f"  {month}: {account.message}")
    return outcomes, time.perf_counter() - start


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=2_000)
    parser.add_argument("--gap", type=float, default=0.02, help="least seconds between two requests")
    options = parser.parse_args()
    docs = [
        Doc(f"/gkmlpt/content/1/post_{n}.html", f"关于新能源汽车推广的通知（第{n}号）", f"{MONTHS[n % len(MONTHS)]}-{n % 28 + 1:02d}",
            subsidy(1000 + n), f"测府发〔2022〕{n}号")
        for n in range(options.pages)
    ]  # fmt: skip
    replica = Mixed(docs=docs)
    paths = {doc.path for doc in docs}
    with tempfile.TemporaryDirectory(prefix="evatlas_bench_") as folder, serve(replica):
        home = Home(Path(folder))
        first, seconds = run(home, replica, options.gap)
        print(f"first run: {options.pages} pages in {seconds:.0f} s, {first}")
        size = sum(p.stat().st_size for p in home.raw.rglob("*") if p.is_file())
        seen = len(replica.asked)
        changed = {doc.path for doc in docs[:: max(1, options.pages // 40)]}
        for doc in docs:
            if doc.path in changed:
                doc.body += "\n四、补充规定。"
        before = versions(home)
        second, seconds = run(home, replica, options.gap)
        asked = [r for r in replica.asked[seen:] if r.path in paths]
        conditional = sum(bool(r.headers.get("if-none-match")) for r in asked)
        new = versions(home) - before
        grown = sum(p.stat().st_size for p in home.raw.rglob("*") if p.is_file()) - size
        gaps = [b.at - a.at for a, b in zip(replica.log, replica.log[1:], strict=False)]
        same = 1 - new / max(len(asked), 1)
        print(f"second run: {len(asked)} pages in {seconds:.0f} s, {second}; {conditional} asked with a validator")
        print(f"texts changed on the site {len(changed)}, new versions landed {new}; raw store grew by {grown / 1e6:.2f} of {size / 1e6:.1f} MB")
        claims = {
            f"{same:.1%} not-modified or unchanged by hash (at least 95 %)": same >= 0.95 and len(asked) == options.pages,
            f"every changed text is a version, nothing else is ({new})": new == len(changed),
            f"least gap of {len(gaps)} pairs {min(gaps) * 1000:.1f} ms (at least {options.gap * 1000:.0f} ms)": min(gaps) >= options.gap,
            f"connections at once {replica.open_most} (one)": replica.open_most == 1,
        }
        for claim, holds in claims.items():
            print(("holds  " if holds else "FAILS  ") + claim)
        return 0 if all(claims.values()) else 1


def versions(home: Home) -> int:
    return int(pl.scan_parquet(home.landing / "policy_releases/documents/*.parquet").select(pl.len()).collect().item())


if __name__ == "__main__":
    sys.exit(main())
