"""The hostile set: every file gets its verdict, its counts and its reasons, within limits, without a traceback.

Belongs here: the files of tests/data/hostile, judged as `make check-inputs` does. Does not belong here: its HTTP cases
(test_http), nor what is done with accepted rows (test_inbox).
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ingest.text.scrub import redact
from sources.inbox.check_inputs import judge_file
from tests.conftest import DATA, REPO

CASES = [case for line in (DATA / "hostile" / "cases.jsonl").read_text("utf-8").splitlines() if (case := json.loads(line)).get("file")]
#: Cases that only what is known from outside the file can decide; the set gives it, and a sidecar would.
OUTSIDE = {
    "row_count_drop", "row_count_jump_or_duplicates", "category_shift", "truncated",
}  # fmt: skip


def outside(case: dict[str, Any]) -> dict[str, Any]:
    """What the case says is known beside the file, as a sidecar would."""
    expect = case["expect"]
    known = {key: expect[key] for key in ("previous_rows", "threshold", "previous") if key in expect}
    return {**known, **expect.get("manifest", {})}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_verdict(hostile: Path, case: dict[str, Any], capfd: pytest.CaptureFixture[str]):
    import datetime as dt

    expect = case["expect"]
    got = judge_file(hostile / case["file"], "firms", dt.date(2026, 11, 24), outside(case))
    assert got["verdict"] == expect["verdict"], got
    reasons = set(expect.get("reasons") or ([expect["reason"]] if "reason" in expect else []))
    assert set(got["reasons"]) == reasons, got
    for count in ("rows_in", "rows_ok", "rows_quarantined"):
        if count in expect:
            assert got[count] == expect[count], (count, got)
    assert got["rows_in"] == got["rows_ok"] + got["rows_quarantined"]
    if "title" in expect:
        assert got["title"] == expect["title"]
    if "distinct_firms" in expect:
        assert got["rows_distinct"] == expect["distinct_firms"]
    if "flag" in expect:
        assert any(flag.startswith(expect["flag"]) for flag in got["flags"]), got["flags"]
    if "followed" in expect:
        assert (got["links_followed"], got["links_refused"]) == (expect["followed"], expect["refused"])
    if "dropped" in expect:
        assert got["columns_dropped"] == expect["dropped"]
    line = json.dumps(got, ensure_ascii=False)
    for canary in expect.get("canaries_absent_everywhere", ()):
        assert canary not in line
        assert canary not in redact((hostile / case["file"]).read_text("utf-8")) or case["media"] == "csv"
    assert line.isprintable(), "a control character reaches the terminal"
    out, err = capfd.readouterr()
    assert out == err == ""


def command_output(hostile: Path) -> tuple[int, str, str, int]:
    """One run of the command over the whole set under limits: (exit code, out, err, peak KiB)."""
    code = (
        "import resource, sys, runpy; resource.setrlimit(resource.RLIMIT_CPU, (120, 120));"
        f"sys.argv = ['check-inputs', '--dir', {str(hostile)!r}];"
        "exec(\"try:\\n runpy.run_module('sources.inbox.check_inputs', run_name='__main__')\\nexcept SystemExit as e:\\n code = e.code\");"
        # VmHWM is of this program alone; ru_maxrss keeps the peak of the process that it was forked from
        "print(*[l.split()[1] for l in open('/proc/self/status') if l.startswith('VmHWM')], file=sys.stderr); sys.exit(code)"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, timeout=300)
    *noise, peak = run.stderr.strip().split("\n")
    return run.returncode, run.stdout, "\n".join(noise), int(peak)


def test_the_command_judges_the_folder(hostile: Path):
    """Without anything from outside, only the two cases differ that no byte of their file tells."""
    code, out, err, peak = command_output(hostile)
    assert code == 0 and "Traceback" not in err and not err.strip()
    assert peak < 512 * 1024
    got = {answer["file"]: answer for answer in map(json.loads, out.splitlines())}
    assert set(got) >= {case["file"] for case in CASES}
    wrong = [case["file"] for case in CASES if got[case["file"]]["verdict"] != case["expect"]["verdict"]]
    assert wrong == ["044_row_drop.csv", "050_truncated_at_newline.csv"]
    for answer in got.values():
        assert {"file", "verdict", "rows_in", "rows_ok", "rows_quarantined", "reasons"} <= answer.keys()
    for canary in ("13812345678", "canary.person@example.com", "11010519491231002X", "13900001111", "\x1b"):
        assert canary not in out


@pytest.mark.parametrize("name", ["027_huge_field.csv", "028_too_many_columns.csv", "056_bomb.zip", "064_gzip_bomb.gz",
                                  "090_deep_nest.html", "091_huge_attr.html", "098_billion_laughs.xml",
                                  "103_xlsx_bomb.xlsx", "105_pdf_loop.pdf", "107_pdf_flate_bomb.pdf"])  # fmt: skip
def test_heavy_files_are_quick(hostile: Path, name: str):
    import datetime as dt
    import time

    start = time.perf_counter()
    judge_file(hostile / name, "firms", dt.date(2026, 11, 24))
    assert time.perf_counter() - start < 5
