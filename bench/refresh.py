"""`make bench`: the main job against its floor, in one run, as ratios (machines are noisy; ratios less so).

The floor is what nobody can avoid with these tools: importing dagster-dbt, and one bare `dbt build` of the
same project on the same landing. Goal: the whole refresh within 1.6 times of it, under 1 GiB.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ingest.home import CHECKOUT, Home
from orchestration.build import dbt


def timed(command: list[str], env: dict[str, str], cwd: Path = CHECKOUT) -> tuple[float, float, float]:
    """(wall s, CPU s, peak RSS MB of the largest process) of one command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    done = subprocess.run(command, env=env, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    wall = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-3000:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, after.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    root = Path(tempfile.mkdtemp(prefix="evatlas-bench-"))
    env = {**os.environ, "EVATLAS_HOME": str(root), "DAGSTER_HOME": str(root / "dagster"), "PYTHONPATH": str(CHECKOUT)}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    python = sys.executable
    try:
        print("first refresh (set-up: parses the project, prepares geometry)")
        wall, _, _ = timed([python, "-m", "orchestration.commands.refresh"], env)
        print(f"  {wall:.1f} s")
        home = Home(root)
        bare_env = {**env, **dbt.environment(home), "EVATLAS_WAREHOUSE": str(dbt.build_file(home)), "EVATLAS_HOME": str(root),
                    "EVATLAS_DBT_TARGET": str(dbt.target_dir(home))}  # fmt: skip
        bare = [python, "-m", "dbt.cli.main", "build", "--exclude", "resource_type:unit_test", "--project-dir", str(dbt.PROJECT),
                "--profiles-dir", str(dbt.PROJECT)]  # fmt: skip
        rows: dict[str, list[tuple[float, float, float]]] = {"import dagster-dbt": [], "bare dbt build": [], "refresh, forced": [], "refresh, nothing new": []}
        for _ in range(rounds):
            rows["import dagster-dbt"].append(timed([python, "-c", "import dagster_dbt"], env))
            dbt.build_file(home).unlink(missing_ok=True)
            rows["bare dbt build"].append(timed(bare, bare_env, dbt.PROJECT))
            rows["refresh, forced"].append(timed([python, "-m", "orchestration.commands.refresh", "--force"], env))
            rows["refresh, nothing new"].append(timed([python, "-m", "orchestration.commands.refresh"], env))
        median = {k: [statistics.median(x[i] for x in v) for i in range(3)] for k, v in rows.items()}
        print(f"{'':<24}{'wall s':>8}{'CPU s':>8}{'peak MB':>9}   median of {rounds}")
        for name, (wall, cpu, rss) in median.items():
            print(f"{name:<24}{wall:>8.1f}{cpu:>8.1f}{rss:>9.0f}")
        floor = [median["import dagster-dbt"][i] + median["bare dbt build"][i] for i in range(2)]
        print(f"refresh / floor: {median['refresh, forced'][0] / floor[0]:.2f} in wall time, "
              f"{median['refresh, forced'][1] / floor[1]:.2f} in CPU (goal 1.6)")  # fmt: skip
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
