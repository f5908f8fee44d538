"""Planning a build: what it would see, whether that is new, and what it is called.

Belongs here: the digest of inputs, the version's name, the small tables that tell dbt about its own build.
Does not belong here: Dagster, dbt's SQL, or the publication itself.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from atlas.version.contract import CONTRACT_VERSION
from ingest.home import CHECKOUT, Home, atomic_path, write_atomic
from ingest.store.code_digest import pins
from ingest.store.landing import Landing
from orchestration.build import dbt, history, release
from sources import Source

#: Column types of the history that is carried from version to version.
INDICATOR_SCHEMA: dict[str, Any] = {
    "indicator_id": pl.String, "geography_level": pl.String, "geography_id": pl.String, "period": pl.String,
    "vintage_id": pl.String, "value": pl.Float64, "lo": pl.Float64, "hi": pl.Float64, "unit": pl.String,
    "n_obs": pl.Int64, "quality_flag": pl.String, "null_reason": pl.String, "method_version": pl.String,
    "known_from": pl.String, "known_to": pl.String,
}  # fmt: skip


@dataclass
class Plan:
    """One build as planned. `inputs`: digest of what landed and of the code; `digest`: of that and of the line of versions
    before it: the identity of what is made, whose beginning is `vintage_id`. `sequence`, `version` (the folder's name),
    `built_at`, `run_id` and `code_version` are no part of it. `as_of`: the newest day to which its data speak; `previous`: the
    vintage_id of the version that it follows; `changes`: what was told of that step, where the same version was made before; `token`: the
    fencing token (0 = not yet taken)."""

    inputs: str
    digest: str
    vintage_id: str
    version: str
    sequence: int
    as_of: str
    built_at: str
    run_id: str
    code_version: str
    previous: str | None
    unchanged: bool
    changes: dict[str, Any] | None = None
    journals: dict[str, str] = field(default_factory=dict)  # source -> the newest entry of its raw journal that the build could see
    token: int = 0
    built: bool = False


def plan_path(home: Home) -> Path:
    return home.root / "build" / "plan.json"


def save_plan(home: Home, plan: Plan) -> None:
    write_atomic(plan_path(home), json.dumps(asdict(plan), indent=1))


def load_plan(home: Home) -> Plan | None:
    path = plan_path(home)
    return Plan(**json.loads(path.read_text("utf-8"))) if path.exists() else None


def code_version() -> str:
    """The commit of the checkout ("+" when files differ from it or are not in it); outside git, "files-" and the dbt project's digest."""
    try:
        head = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"], cwd=CHECKOUT, capture_output=True, text=True, timeout=10
        )
        dirty = subprocess.run(
            ["git", "status", "--porcelain"], cwd=CHECKOUT, capture_output=True,
            text=True, timeout=10,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return f"files-{dbt.project_digest()[:12]}"
    if head.returncode:
        return f"files-{dbt.project_digest()[:12]}"
    return head.stdout.strip() + ("+" if dirty.stdout.strip() else "")


def changed_since(commit: str) -> list[str]:
    """Files of the checkout that are not what they were in a commit, or not in it; empty where git cannot tell."""
    found: list[str] = []
    for command in (["diff", "--name-only", commit], ["ls-files", "--others", "--exclude-standard"]):
        try:
            done = subprocess.run(["git", *command], cwd=CHECKOUT, capture_output=True, text=True, timeout=10)
        except (OSError, subprocess.TimeoutExpired):
            return []
        if done.returncode:
            return []
        found += done.stdout.split()
    return sorted(found)


def code_digest() -> str:
    """Digest of the code that makes a version beside dbt's: export, page, figures, and the libraries that they and dbt run on."""
    digest = hashlib.sha256()
    for folder in ("orchestration", "atlas"):
        for path in sorted((CHECKOUT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and path.suffix not in (".pyc", ".md"):
                digest.update(path.relative_to(CHECKOUT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    for name, version in sorted(pins().items()):
        digest.update(f"{name}=={version}\0".encode())
    return digest.hexdigest()


def make_plan(home: Home, sources: Sequence[Source], run_id: str, force: bool = False) -> Plan:
    """Write the ledger of what landed and plan the next build from it. `unchanged` when the version behind
    `current` was made from the same inputs by the same code, and nobody asks for it again (`force`)."""
    landing = Landing(home)
    journals = {name: landing.store.last(name) for name in landing.store.sources()}
    for source in sources:
        if source.live:  # what needs no network is read anew by every refresh
            landing.ensure_schema(source)
            landing.rebuild(source)
    landed = landing.write_ledger(sources)
    inputs = hashlib.sha256("\n".join([landed, dbt.project_digest(), code_digest(), CONTRACT_VERSION]).encode()).hexdigest()
    accounts = pl.read_parquet(home.landing / "_meta" / "accounts.parquet")
    days = accounts.filter(pl.col("as_of") != "")["as_of"]
    if days.is_empty():
        raise ValueError(f"{home.landing}: nothing that landed says to which day it speaks: there is nothing to build from")
    as_of = str(days.max())
    history.adopt(home)
    line = history.entries(home)
    before, again = history.place(line, inputs)
    compared = not again.changes.get("missing") if again else before is None or history.database(home, before.digest[:12]) is not None
    digest = history.digest_of(inputs, before, compared)
    current = release.current_manifest(home)
    stands = current is not None and current.get("digest") == digest
    sequence = max(line[-1].sequence if line else 0, current["sequence"] if current else 0) + 1
    if again and not stands and not (current and current["sequence"] >= again.sequence):
        sequence = again.sequence  # the version is in the line, and its folder is not here: a home that is made anew
    plan = Plan(
        inputs=inputs,
        digest=digest,
        vintage_id=digest[:12],
        version=f"v{sequence:04d}-{as_of.replace('-', '')}-{digest[:12]}",
        sequence=sequence,
        as_of=as_of,
        built_at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        run_id=run_id,
        code_version=code_version(),
        previous=before.digest[:12] if before else None,
        unchanged=stands and not force,
        changes=again.changes if again else None,
        journals=journals,
    )
    if not plan.unchanged:
        write_build_tables(home, plan, before)
    save_plan(home, plan)
    return plan


def write_build_tables(home: Home, plan: Plan, before: history.Entry | None) -> None:
    """`landing/_meta/build.parquet` (one row) and `indicator_history.parquet` (every vintage so far)."""
    meta = home.landing / "_meta"
    with atomic_path(meta / "build.parquet") as tmp:
        pl.DataFrame(
            [
                {
                    "vintage_id": plan.vintage_id, "version": plan.version, "sequence": plan.sequence, "as_of": plan.as_of,
                    "built_at": plan.built_at, "run_id": plan.run_id, "code_version": plan.code_version,
                    "inputs": plan.inputs, "contract_version": CONTRACT_VERSION,
                    "previous_version": plan.previous,
                }
            ],
            schema_overrides={"previous_version": pl.String},
        ).write_parquet(tmp)  # fmt: skip
    with atomic_path(meta / "indicator_history.parquet") as tmp:
        frame = pl.DataFrame(schema=INDICATOR_SCHEMA)
        if before is not None:
            old = history.read(history.indicators(home, before))
            frame = pl.concat([frame, old.select(list(INDICATOR_SCHEMA)).cast(INDICATOR_SCHEMA)])  # type: ignore[arg-type]
        frame.write_parquet(tmp)


def free_space_check(home: Home) -> None:
    """Refuse to begin a build that the disk could not hold: three times the version that stands, at least 200 MB."""
    stat = os.statvfs(home.root)
    free = stat.f_bavail * stat.f_frsize
    current = home.current.resolve()
    size = sum(p.stat().st_size for p in current.rglob("*") if p.is_file()) if current.exists() else 0
    need = max(3 * size, 200_000_000)
    if free < need:
        raise OSError(f"{home.root}: {free / 1e6:.0f} MB free, a build needs {need / 1e6:.0f} MB; nothing was changed")
