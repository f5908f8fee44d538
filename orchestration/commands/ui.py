"""`make ui`: Dagster's UI on the loopback address, with the manifest made first.

Belongs here: starting `dagster dev` safely, with the partitions that can be backfilled. Does not belong here: definitions.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable
from pathlib import Path

import dagster as dg

from ingest.home import CHECKOUT, Home
from orchestration.build import dbt
from orchestration.commands.refresh import prepare
from orchestration.partitions import partitions_of
from sources import Source, all_sources


def offer(instance: dg.DagsterInstance, sources: Iterable[Source]) -> None:
    """Make the partitions that sources know of choosable in the UI: dynamic ones would have to be typed one by one."""
    for source in sources:
        definition = partitions_of(source)
        if source.known_partitions and isinstance(definition, dg.DynamicPartitionsDefinition):
            here = set(instance.get_dynamic_partitions(str(definition.name)))
            new = [key for key in source.known_partitions if key not in here]
            if new:
                instance.add_dynamic_partitions(str(definition.name), new)


def main() -> int:
    """Replaces this process by `dagster dev`. The development server has no protection against cross-site
    requests, so it binds 127.0.0.1 and nothing else can be asked for."""
    parser = argparse.ArgumentParser(prog="make ui")
    parser.add_argument("--port", type=int, default=3000)
    options = parser.parse_args()
    home = Home.from_env()
    prepare(home)
    dbt.ensure_manifest(home)
    with dg.DagsterInstance.get() as instance:
        offer(instance, all_sources())
    os.chdir(CHECKOUT)
    print(f"Dagster's UI: http://127.0.0.1:{options.port} (stop with Ctrl-C)", flush=True)
    dagster = Path(sys.executable).with_name("dagster")
    os.execv(
        dagster,
        [str(dagster), "dev", "-w", "workspace.yaml", "-h", "127.0.0.1", "-p", str(options.port)],
    )


if __name__ == "__main__":
    sys.exit(main())
