"""Planning a build: what it would see, whether that is new, and what it is called.

Belongs here: the digest of inputs, the vintage's name, the small tables that tell dbt about its own build.
Does not belong here: Dagster, dbt's SQL, or the publication itself.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from orchestration import dbt, release
from sources import Source
from sources.home import CHECKOUT, Home, atomic_path, write_atomic
from sources.landing import Landing

CONTRACT_VERSION = "1.0.0"

#: Column types of the history that is carried from version to version.
INDICATOR_SCHEMA: dict[str, Any] = {
    "indicator": pl.String, "geography_level": pl.String, "geography_id": pl.String, "period": pl.String,
    "vintage_id": pl.String, "value": pl.Float64, "lo": pl.Float64, "hi": pl.Float64, "unit": pl.String,
    "n_obs": pl.Int64, "quality_flag": pl.String, "null_reason": pl.String, "method_version": pl.String,
    "known_from": pl.String, "known_to": pl.String,
}  # fmt: skip


@dataclass
class Plan:
    """One build as planned. `inputs`: digest of everything it depends on; `sequence`: its place in the line
    of versions; `as_of`: date of the newest bytes it sees; `token`: the fencing token (0 = not yet taken)."""

    inputs: str
    vintage_id: str
    sequence: int
    as_of: str
    built_at: str
    run_id: str
    code_version: str
    previous: str | None
    unchanged: bool
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
    """The commit of the checkout ("+" when files differ from it), or the project's digest outside git."""
    try:
        head = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"], cwd=CHECKOUT, capture_output=True, text=True, timeout=10
        )
        dirty = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=no"], cwd=CHECKOUT, capture_output=True,
            text=True, timeout=10,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return dbt.project_digest()[:12]
    if head.returncode:
        return dbt.project_digest()[:12]
    return head.stdout.strip() + ("+" if dirty.stdout.strip() else "")


def code_digest() -> str:
    """Digest of the code that makes a version beside dbt's: export, page, figures."""
    digest = hashlib.sha256()
    for folder in ("orchestration", "atlas"):
        for path in sorted((CHECKOUT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and path.suffix not in (".pyc", ".md"):
                digest.update(path.relative_to(CHECKOUT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def make_plan(home: Home, sources: Sequence[Source], run_id: str) -> Plan:
    """Write the ledger of what landed and plan the next build from it. `unchanged` when the version behind
    `current` was made from the same inputs by the same code."""
    landing = Landing(home)
    for source in sources:
        if source.live:  # what needs no network is read anew by every refresh
            landing.ensure_schema(source)
            landing.rebuild(source)
    landed = landing.write_ledger(sources)
    inputs = hashlib.sha256("\n".join([landed, dbt.project_digest(), code_digest()]).encode()).hexdigest()
    current = release.current_manifest(home)
    accounts = pl.read_parquet(home.landing / "_meta" / "accounts.parquet")
    newest = accounts.filter(pl.col("fetched_at") != "")["fetched_at"].max() if accounts.height else None
    as_of = str(newest)[:10] if newest else dt.datetime.now(dt.UTC).date().isoformat()
    sequence = (current["sequence"] + 1) if current else 1
    plan = Plan(
        inputs=inputs,
        vintage_id=f"v{sequence:04d}-{as_of.replace('-', '')}-{inputs[:8]}",
        sequence=sequence,
        as_of=as_of,
        built_at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        run_id=run_id,
        code_version=code_version(),
        previous=current["version"] if current else None,
        unchanged=bool(current and current["inputs"] == inputs),
    )
    if not plan.unchanged:
        write_build_tables(home, plan)
    save_plan(home, plan)
    return plan


def write_build_tables(home: Home, plan: Plan) -> None:
    """`landing/_meta/build.parquet` (one row) and `indicator_history.parquet` (every vintage so far)."""
    meta = home.landing / "_meta"
    with atomic_path(meta / "build.parquet") as tmp:
        pl.DataFrame(
            [
                {
                    "vintage_id": plan.vintage_id, "sequence": plan.sequence, "as_of": plan.as_of,
                    "built_at": plan.built_at, "run_id": plan.run_id, "code_version": plan.code_version,
                    "inputs": plan.inputs, "contract_version": CONTRACT_VERSION,
                    "previous_version": plan.previous,
                }
            ],
            schema_overrides={"previous_version": pl.String},
        ).write_parquet(tmp)  # fmt: skip
    history = home.current / "tables" / "indicator.parquet"
    with atomic_path(meta / "indicator_history.parquet") as tmp:
        frame = pl.DataFrame(schema=INDICATOR_SCHEMA)
        if history.exists():
            old = pl.read_parquet(history)
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
