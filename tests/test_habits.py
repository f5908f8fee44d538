"""The habits of the suite itself: the checkout is whole, nothing is left out silently, and what is slow is known to be.

Belongs here: rules over the tests. Does not belong here: rules over the code (test_imports.py), the locks (test_environment.py).
"""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from deploy.environment import pins
from tests.conftest import DATA, REPO, SLOW, reached


def test_no_test_reads_outside_the_repository() -> None:
    word = "EVATLAS_" + "SHARED"  # the folder of the bench
    assert [p.name for p in (REPO / "tests").rglob("*.py") if word in p.read_text("utf-8")] == []
    assert (DATA / "oracles" / "ORACLE_A.json").is_file() and (DATA / "hostile" / "files.tar.xz").is_file()


@pytest.mark.parametrize(("ci", "expected"), [("true", "1 failed, 1 passed"), ("", "1 passed, 1 skipped")])
def test_a_skip_is_a_failure_under_ci(tmp_path: Path, ci: str, expected: str) -> None:
    (tmp_path / "conftest.py").write_text("from tests.conftest import pytest_runtest_makereport\n")
    (tmp_path / "test_it.py").write_text("import pytest\ndef test_one(): pytest.skip('no chromium')\ndef test_two(): pass\n")
    env = {**os.environ, "CI": ci, "PYTHONPATH": str(REPO)}
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)], env=env, capture_output=True, text=True)
    assert expected in done.stdout, done.stdout
    assert ("skipped under CI: Skipped: no chromium" in done.stdout) is bool(ci)


def test_slow_tests_are_known_by_what_they_reach(request: pytest.FixtureRequest) -> None:
    """Through fixtures, and through functions of the tests that call a program; what is quick has no marker."""
    from tests import test_code_digest, test_oracles, test_pipeline

    assert "make" in reached([test_oracles.tables.__wrapped__ if hasattr(test_oracles.tables, "__wrapped__") else test_oracles.tables])
    assert "make" in reached([test_pipeline.test_a_failing_data_test_stops_the_publication_and_names_itself])
    assert not reached([test_code_digest.test_what_is_put_back_has_the_digests_that_it_had]) & SLOW.keys()
    assert [mark for mark in request.node.iter_markers() if mark.name in SLOW.values()] == []


def test_ci_calls_what_a_developer_calls() -> None:
    for file in (".ci/run", ".github/workflows/ci.yml"):
        text = (REPO / file).read_text("utf-8")
        commands = re.findall(r"(?:^|- run: )(make [a-z-]+)$", text, re.MULTILINE)
        assert commands == ["make lint", "make test"], file


def test_every_program_of_the_project_is_there() -> None:
    project = tomllib.loads((REPO / "pyproject.toml").read_text("utf-8"))["project"]
    for name, target in project["scripts"].items():
        module, _, function = target.partition(":")
        assert callable(getattr(importlib.import_module(module), function)), name
    assert project["license"]["text"] == "MIT" and (REPO / "LICENSE").read_text("utf-8").startswith("MIT License")


def test_every_decision_has_its_day_and_status() -> None:
    numbered = re.findall(r"^(\d+)\. (.*)", (REPO / "docs/decisions.md").read_text("utf-8"), re.MULTILINE)
    lacks = [number for number, text in numbered if not re.match(r"\(20\d\d-\d\d-\d\d, (in force|(replaced|made narrower) by \d+)\) \*\*", text)]
    assert len(numbered) > 50 and lacks == []
    assert [int(number) for number, _ in numbered] == sorted({int(number) for number, _ in numbered})


def test_the_hooks_call_programs_of_the_environment() -> None:
    hooks = [hook for repo in yaml.safe_load((REPO / ".pre-commit-config.yaml").read_text("utf-8"))["repos"] for hook in repo["hooks"]]
    locked = pins(REPO / "requirements-dev.lock")
    programs = {hook["entry"].split()[0].removeprefix(".venv/bin/") for hook in hooks}
    of = {"check-yaml": "pre-commit-hooks", "check-added-large-files": "pre-commit-hooks", "end-of-file-fixer": "pre-commit-hooks"}
    assert {of.get(program, program) for program in programs} <= locked.keys()
    assert all(hook["language"] == "system" and hook["entry"].startswith(".venv/bin/") for hook in hooks)
    large = [p for p in subprocess.run(["git", "ls-files"], cwd=REPO, capture_output=True, text=True).stdout.split("\n") if p and (REPO / p).is_file() and (REPO / p).stat().st_size > 600 * 1024]
    assert large == [], "files that the hook would refuse"
