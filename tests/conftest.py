"""What all tests share: where their data are, homes that disappear, which tests are slow.

Belongs here: fixtures used by more than one test module. Does not belong here: assertions.
"""

from __future__ import annotations

import inspect
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

import hypothesis
import pytest
from filelock import FileLock

REPO = Path(__file__).resolve().parent.parent


DATA = REPO / "tests" / "data"
hypothesis.settings.register_profile("evatlas", deadline=None)  # a busy machine is no error of the code
hypothesis.settings.load_profile("evatlas")


def examples(number: int) -> int:
    """How many examples a test of properties draws: an eighth in `make test-fast`, whose answer is wanted soon."""
    return max(20, number // 8) if os.environ.get("EVATLAS_TEST_FAST") else number


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


def once(tmp_path_factory: pytest.TempPathFactory, name: str, fill: Callable[[Path], None]) -> Path:
    """A folder that one worker process of the run fills and all share; the others wait. Raises what `fill` raises, in the
    worker that fills; each of the others then tries for itself."""
    base = tmp_path_factory.getbasetemp()
    root = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    with FileLock(root.with_suffix(".lock")):
        done = root.with_suffix(".done")
        if not done.exists():
            shutil.rmtree(root, ignore_errors=True)
            root.mkdir()
            fill(root)
            done.touch()
    return root


@pytest.fixture(scope="session")
def bundled_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the bundled data published once for the whole run; tests must leave it as it is (`derive` copies it)."""

    def publish(root: Path) -> None:
        run = make("orchestration.commands.refresh", root, EVATLAS_THREADS="1", TZ="UTC")  # tests/test_same_bytes.py builds with other ones
        assert run.code == 0, run.out
        (root / "first-run.log").write_text(run.out)

    return once(tmp_path_factory, "published-home", publish)


@pytest.fixture(scope="session")
def home(bundled_home: Path) -> Path:
    return bundled_home


@pytest.fixture(scope="session")
def published(home: Path) -> Path:
    """The published version's folder."""
    return home / "published" / "current"


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the hostile set, unpacked: tests/data/hostile has them in one archive (11 MB, nearly all of it repetition)."""

    def unpack(root: Path) -> None:
        with tarfile.open(DATA / "hostile" / "files.tar.xz") as archive:
            archive.extractall(root, filter="data")

    return once(tmp_path_factory, "hostile", unpack)


# -- which tests are quick ----------------------------------
#: Fixtures and functions that make a test slow, and the marker of each. A test has the marker of all that it reaches: through
#: the fixtures it asks for, and through the functions that it and they name. `make test-fast` runs what has none.
SLOW = {"bundled_home": "refresh", "make": "refresh", "ui_server": "refresh", "browser": "browser", "in_r": "r", "draws": "long", "supply": "long"}
#: Test files in the order in which they start, the others after them: what takes long must not start last, and the first
#: processes have to do before the shared home stands.
FIRST = (
    "sources/test_linked.py", "test_oracles.py", "test_any_panel.py", "test_effects.py", "test_bulk.py", "test_pipeline.py", "test_canaries.py",
    "test_same_bytes.py", "test_policies.py", "test_page.py", "test_backfill_policies.py", "test_backfill.py", "test_dbt_units.py",
)  # fmt: skip


def reached(functions: Iterable[Any]) -> set[str]:
    """The names that functions use, their own and those of the functions of the tests that they name, and so on."""
    names: set[str] = set()
    waiting = [f for f in map(inspect.unwrap, functions) if inspect.isfunction(f)]
    seen: set[CodeType] = set()
    while waiting:
        function = waiting.pop()
        codes = [function.__code__]
        while codes:
            code = codes.pop()
            if code in seen:
                continue
            seen.add(code)
            codes += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
            names.update(code.co_names)
            found = (inspect.unwrap(function.__globals__[n]) for n in code.co_names if callable(function.__globals__.get(n)))
            waiting += [f for f in found if inspect.isfunction(f) and f.__module__.startswith("tests.")]
    return names


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if not isinstance(item, pytest.Function):
            continue
        fixtures = item._fixtureinfo.name2fixturedefs
        names = {*item.fixturenames, *reached([item.function, *(d.func for found in fixtures.values() for d in found)])}
        for marker in sorted({SLOW[name] for name in names & SLOW.keys()}):
            item.add_marker(marker)
    rank = {name: n for n, name in enumerate(FIRST)}
    items.sort(key=lambda item: rank.get(item.path.relative_to(REPO / "tests").as_posix(), len(FIRST)))


# -- nothing is left out silently ---------------------------
@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under CI a test that is skipped (for want of a file, a program, a package) has failed: CI has to have what the tests need."""
    report = yield
    if os.environ.get("CI", "").lower() in ("1", "true", "yes") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome, report.longrepr = "failed", f"skipped under CI: {report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr}"
    return report
