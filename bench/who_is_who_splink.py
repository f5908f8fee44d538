"""Who is who against Splink on the same labelled records: precision, recall, F1 and CPU of both, in one run.

Belongs here: the comparison. Does not belong here: the records (bench/firm_pairs.py), any rule of matching.

    python -m bench.who_is_who_splink                          # the project alone, where Splink is not installed
    python -m venv DIR && DIR/bin/pip install splink==5.0.0    # once; Splink is no dependency of the project
    SPLINK_PYTHON=DIR/bin/python python -m bench.who_is_who_splink [--test]

Pairs are those of records in one firm. Splink's threshold is the one with the best F1 on the seeds for tuning, and it gets
the project's cleaned names, checked codes and former names, and whether a name says its place. The project's time is
printed whole, and without the cleaning that Splink was given (matching alone, like for like).
`--test` measures on the seeds that were never looked at while rules were changed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from bench.firm_pairs import SEEDS_TEST, SEEDS_TUNE, records
from bench.who_is_who import given, resolve

RUNNER = Path(__file__).with_name("splink_runner.py")
THRESHOLDS = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999, 0.99999, 0.999999)


def pairs(sizes: Counter[Any]) -> int:
    return sum(n * (n - 1) // 2 for n in sizes.values())


def measure(found: Mapping[str, Any], truth: Mapping[str, int]) -> tuple[int, int, int]:
    """Pairs found and right, pairs found, pairs that there are."""
    right = pairs(Counter((found[k], truth[k]) for k in truth))
    return right, pairs(Counter(found[k] for k in truth)), pairs(Counter(truth.values()))


def scores(counts: list[tuple[int, int, int]]) -> tuple[float, float, float]:
    """Precision, recall and F1 of pooled counts."""
    right, found, there = (sum(c[i] for c in counts) for i in range(3))
    precision, recall = right / max(found, 1), right / max(there, 1)
    return precision, recall, 2 * precision * recall / max(precision + recall, 1e-12)


def ours(
    con: duckdb.DuckDBPyConnection, seed: int, synthetic: int
) -> tuple[dict[str, str], dict[str, int], tuple[float, float]]:
    """Firm of each record, truth, CPU seconds (whole, without cleaning); leaves the tables of who is who in `con`."""
    made, truth, former = records(seed, synthetic)
    given(con, made)
    spent = resolve(con, former)
    found = dict(con.execute("select source_record_id, firm_id from int_firms__links").fetchall())
    cleaning = spent["int_firms__records"] + spent["int_firms__former_names"]
    return found, truth, (sum(spent.values()), sum(spent.values()) - cleaning)


def splink(python: str, con: duckdb.DuckDBPyConnection, thresholds: tuple[float, ...]) -> tuple[dict[float, dict[str, str]], float]:
    """Clusters by threshold, CPU seconds. Raises RuntimeError with what Splink said."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in.parquet"), Path(folder, "out.parquet")
        con.execute(f"""copy (
            select r.* exclude (source_id), list_distinct([r.name_key] || coalesce(
                (select list(f.former_key) from int_firms__former_names as f where f.name_key = r.name_key), []))
                as names, coalesce(list_has_any(places, [left(name_core, 2), left(name_core, 3), right(name_core, 2),
                right(name_core, 3)]), false) as says_place
            from int_firms__records as r cross join (select list(distinct name_zh_short) as places from cities)) to '{source}' (format parquet)""")
        done = subprocess.run(
            [python, str(RUNNER), str(source), str(target), ",".join(map(str, thresholds))], capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        rows = con.execute(f"select threshold, split_part(record_key, ':', 2), cluster_id from read_parquet('{target}')").fetchall()
    found: dict[float, dict[str, str]] = {}
    for threshold, key, cluster in rows:
        found.setdefault(threshold, {})[key] = cluster
    return found, float(json.loads(done.stdout.strip().splitlines()[-1])["cpu_s"])


def has_splink(python: str) -> bool:
    return subprocess.run([python, "-c", "import splink"], capture_output=True, check=False).returncode == 0


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.who_is_who_splink")
    parser.add_argument("--test", action="store_true", help="measure on the held-out seeds, too")
    parser.add_argument("--synthetic", type=int, default=3_000, help="synthetic firms beside the curated list's")
    options = parser.parse_args(argv)
    python = os.environ.get("SPLINK_PYTHON", sys.executable)
    beside = has_splink(python)
    if not beside:
        print("Splink is not installed in", python, "- only the project is measured. To compare: install splink==5.0.0 into an")
        print("environment of its own and name its python in SPLINK_PYTHON.")
    best = 0.9
    for label, seeds in [("tuning", SEEDS_TUNE), *([("held out", SEEDS_TEST)] if options.test else [])]:
        mine, whole, alone, cost, size = [], 0.0, 0.0, 0.0, 0
        theirs: dict[float, list[tuple[int, int, int]]] = {}
        for seed in seeds:
            con = duckdb.connect()
            found, truth, cpu = ours(con, seed, options.synthetic)
            mine.append(measure(found, truth))
            whole, alone = whole + cpu[0], alone + cpu[1]
            size += len(truth)
            if beside:
                thresholds = THRESHOLDS if label == "tuning" else (best,)
                clusters, seconds = splink(python, con, thresholds)
                cost += seconds
                for threshold, found_there in clusters.items():
                    theirs.setdefault(threshold, []).append(measure(found_there, truth))
        print(f"\n{label}: seeds {', '.join(map(str, seeds))}; {size} records, {sum(m[2] for m in mine)} pairs")
        print(f"{'':<24} {'precision':>9} {'recall':>7} {'F1':>7} {'CPU s':>7}")
        print(f"{'the project':<24} {'{:9.4f} {:7.4f} {:7.4f}'.format(*scores(mine))} {whole:7.2f}")
        if theirs:
            if label == "tuning":
                best = max(theirs, key=lambda t: scores(theirs[t])[2])
            print(f"{f'Splink 5 at {best}':<24} {'{:9.4f} {:7.4f} {:7.4f}'.format(*scores(theirs[best]))} {cost:7.2f}")
            print(f"CPU, the project to Splink: whole 1 : {cost / whole:.1f}; matching alone 1 : {cost / alone:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
