"""`python -m bench.panel`: all tables from a panel of 300 cities, 12 segments, 10 years and 7,600 plants.

Belongs here: the seeded panel, the time and memory of `make panel` on it, and beside them what established tools take for
the same tables where they are installed. The panel is synthetic: no real place or firm. Goal: 90 s and 2 GiB on two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from ingest.home import CHECKOUT

YEARS = range(2013, 2023)


def make_panel(folder: Path, cities: int = 300, segments: int = 12, plants: int = 7_600, seed: int = 20260101) -> None:
    """Write a panel of the contract's form: heavy-tailed city sizes, plants around city centres, entries and exits, lineage,
    policy events, and a policy panel with a known effect."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    lon, lat = rng.uniform(100, 122, cities), rng.uniform(22, 45, cities)
    names = [f"c{i:03d}" for i in range(cities)]
    weight = rng.pareto(1.2, cities) + 0.1
    pl.DataFrame({
        "city_id": names, "province_id": [f"p{i % 30:02d}" for i in range(cities)], "lon": lon, "lat": lat,
        "population": (weight * 1e6).round(), "gdp_cny_m": (weight * 5e4).round(1),
    }).write_csv(folder / "cities.csv")  # fmt: skip
    kinds = [f"s{i:02d}" for i in range(segments)]
    pl.DataFrame({"segment_id": kinds, "family_id": [f"f{i // 3}" for i in range(segments)]}).write_csv(folder / "segments.csv")
    where = rng.choice(cities, plants, p=weight / weight.sum())
    entry = rng.integers(2005, 2023, plants)
    leaves = rng.random(plants) < 0.2
    exit_year = [int(e + rng.integers(1, 12)) if gone else None for e, gone in zip(entry, leaves, strict=True)]
    exit_year = [x if x is not None and x <= 2022 else None for x in exit_year]
    ids = [f"pl{i:05d}" for i in range(plants)]
    pl.DataFrame({
        "plant_id": ids, "firm_id": [f"fi{i}" for i in rng.zipf(1.6, plants) % 3000], "city_id": [names[i] for i in where],
        "segment_id": [kinds[i] for i in rng.integers(0, segments, plants)], "lon": lon[where] + rng.normal(0, 0.15, plants),
        "lat": lat[where] + rng.normal(0, 0.12, plants), "entry_year": entry, "exit_year": exit_year,
    }).write_csv(folder / "plants.csv")  # fmt: skip
    rows = [(p, y) for p, e, x in zip(ids, entry, exit_year, strict=True) for y in YEARS if e <= y and (x is None or y < x)]
    size = rng.lognormal(5, 1.2, len(rows)).round()
    pl.DataFrame({
        "plant_id": [r[0] for r in rows], "year": [r[1] for r in rows], "employment": size,
        "capacity_k_units": (size / 10).round(2), "output_k_units": (size / 14).round(2),
    }).write_csv(folder / "plant_year.csv")  # fmt: skip
    old = rng.choice(plants, 600, replace=False)
    pl.DataFrame({
        "ev_plant_id": [ids[i] for i in old], "ice_plant_id": [f"ice{i}" for i in range(600)],
        "edge_type": rng.choice(["converted_plant", "spin_off", "joint_venture"], 600), "confidence": rng.uniform(0.2, 1, 600).round(2),
    }).write_csv(folder / "lineage.csv")  # fmt: skip
    pl.DataFrame({"city_id": names[:90]}).write_csv(folder / "ice_cities.csv")
    pl.DataFrame({
        "document_id": [f"d{i}" for i in range(2000)], "city_id": rng.choice(names, 2000), "instrument": rng.choice(["subsidy", "equity", "land", "fleet"], 2000),
        "effective_date": [f"{y}-06-01" for y in rng.integers(2013, 2023, 2000)], "amount_cny_m": np.where(rng.random(2000) < 0.5, rng.lognormal(3, 1, 2000).round(1), np.nan),
    }).with_columns(pl.col("amount_cny_m").fill_nan(None)).write_csv(folder / "policy_events.csv")  # fmt: skip
    first = rng.choice([0, 2015, 2016, 2017, 2018, 2019], cities, p=[0.4, 0.12, 0.12, 0.12, 0.12, 0.12])
    level = rng.normal(0, 1, cities)
    panel = [(names[i], f"p{i % 30:02d}", y, int(first[i]), int(first[i] > 0 and y >= first[i]), level[i] + 0.05 * (y - 2013) + (0.2 + 0.1 * (y - first[i])) * (first[i] > 0 and y >= first[i]) + rng.normal(0, 0.3)) for i in range(cities) for y in YEARS]
    pl.DataFrame(panel, schema=["city_id", "province_id", "year", "first_treat", "treated", "y"], orient="row").write_csv(folder / "policy_panel.csv")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", default=sys.executable, help="an interpreter that has esda, lifelines, ecomplexity ... (bench/peers.py)")
    parser.add_argument("--keep", type=Path, help="write the panel and the tables here and leave them")
    options = parser.parse_args()
    root = options.keep or Path(tempfile.mkdtemp(prefix="evatlas-bench-panel-"))
    try:
        make_panel(root / "panel")
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.monotonic()
        done = subprocess.run([sys.executable, "-m", "orchestration.commands.panel", "--panel", str(root / "panel"), "--out", str(root / "out")], cwd=CHECKOUT, env={**os.environ, "PYTHONPATH": str(CHECKOUT)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        wall = time.monotonic() - start
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            raise SystemExit(done.stdout[-4000:])
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(f"make panel, 300 cities x 12 segments x 10 years, 7,600 plants: {wall:.1f} s wall, {cpu:.1f} s CPU, {after.ru_maxrss / 1024:.0f} MB peak (goal 90 s, 2048 MB)")
        account = json.loads((root / "out" / "_account.json").read_text())["tables"]
        print(f"{sum(1 for t in account.values() if 'not_computed' not in t)} of {len(account)} tables, {sum(t['rows'] for t in account.values()):,} rows")
        for name, entry in sorted(account.items(), key=lambda item: -item[1].get("seconds", 0))[:12]:
            print(f"  {name:<24} {entry.get('seconds', 0):6.1f} s {entry['rows']:>9,} rows")
        print("beside it, the established tool on the same panel (first call included):")
        peers = subprocess.run([options.peers, str(CHECKOUT / "bench/peers.py"), str(root / "panel"), str(root / "out")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in peers.stdout.splitlines():
            peer = json.loads(line)
            if "seconds" in peer:
                apart = peer["largest_difference"]
                print(f"  {peer['table']:<44} {peer['tool']:<22} {peer['seconds']:7.2f} s" + (f", largest difference {apart:.1e}" if apart is not None else ""))
            else:
                print(f"  {peer['table']:<44} {peer['tool']:<22} " + (f"not installed: {peer['missing']}" if "missing" in peer else f"failed: {peer['failed']}"))
    finally:
        if not options.keep:
            shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
