"""What all tests share: where the shared material is, and homes that disappear.

Belongs here: fixtures used by more than one test module. Does not belong here: assertions.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent


def shared_path(*parts: str) -> Path:
    """A path of the shared material (EVATLAS_SHARED, default `../shared`); skips the test where it is absent."""
    path = Path(os.environ.get("EVATLAS_SHARED") or REPO.parent / "shared").joinpath(*parts)
    if not path.exists():
        pytest.skip(f"shared material {'/'.join(parts)} is not on this machine (set EVATLAS_SHARED)")
    return path


@dataclass
class Run:
    """One command run as a person would run it, in a home of its own."""

    code: int
    out: str


def make(target: str, home: Path, under: tuple[str, ...] = (), **variables: str) -> Run:
    """Run a module of the project in `home` with nothing else of this shell's state: what `make` itself calls. `under`: a
    command that runs it (faketime)."""
    env = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("EVATLAS_", "DAGSTER_"))},
        "EVATLAS_HOME": str(home),
        "DAGSTER_HOME": str(home / "dagster"),
        "PYTHONPATH": str(REPO),
        **variables,
    }
    done = subprocess.run(
        [*under, sys.executable, "-m", *target.split()], cwd=variables.get("EVATLAS_TEST_CWD", REPO), env=env, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=600,
    )  # fmt: skip
    return Run(done.returncode, done.stdout)


@pytest.fixture(scope="session")
def bundled_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the bundled data published once; tests must leave it as it is (copy it to change it)."""
    root = tmp_path_factory.mktemp("home")
    run = make("orchestration.commands.refresh", root, EVATLAS_THREADS="1", TZ="UTC")  # tests/test_same_bytes.py builds with other ones
    assert run.code == 0, run.out
    (root / "first-run.log").write_text(run.out)
    return root


@pytest.fixture(scope="session")
def home(bundled_home: Path) -> Path:
    return bundled_home


@pytest.fixture(scope="session")
def published(home: Path) -> Path:
    """The published version's folder."""
    return home / "published" / "current"
