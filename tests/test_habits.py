"""The habits of the suite itself: the checkout is whole, nothing is left out silently, and what is slow is known to be.

Belongs here: rules over the tests. Does not belong here: rules over the code (test_imports.py), the locks (test_environment.py).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

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
