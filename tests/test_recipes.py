"""docs/recipes.md and the example notebook, run against the published version as a reader would.

Belongs here: that every block runs and that two languages agree. Does not belong here: whether the numbers are right.
"""

from __future__ import annotations

import csv
import io
import math
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.conftest import REPO

TEXT = (REPO / "docs" / "recipes.md").read_text(encoding="utf-8")
QUESTIONS = {
    int(number): re.findall(r"```(sql|polars|pandas|r)\n(.*?)```", body, re.S)
    for number, body in re.findall(r"^## (\d+)\. (.*?)(?=^## |\Z)", TEXT, re.S | re.M)
}
RSCRIPT = shutil.which("Rscript")


def number_or_text(value: Any) -> Any:
    """Values as all four languages have them: numbers to nine digits, missing as None."""
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)) or str(value) in ("NA", "<NA>", "nan"):
        return None
    if isinstance(value, bool):
        return value
    try:
        return float(f"{float(value):.9g}")
    except (TypeError, ValueError):
        return str(value)


def run_sql(published: Path, sql: str) -> list[tuple[Any, ...]]:
    con = duckdb.connect(str(published / "atlas.duckdb"), read_only=True)
    return [tuple(map(number_or_text, row)) for row in con.execute(sql).fetchall()]


def run_python(published: Path, code: str) -> list[tuple[Any, ...]]:
    here = os.getcwd()
    scope: dict[str, Any] = {}
    os.chdir(published)
    try:
        exec(code, scope)
    finally:
        os.chdir(here)
    answer = scope["answer"]
    found = answer.rows() if hasattr(answer, "rows") else list(answer.itertuples(index=False, name=None))
    return [tuple(map(number_or_text, row)) for row in found]


def test_there_are_enough_questions_in_four_languages() -> None:
    whole = [number for number, blocks in QUESTIONS.items() if {language for language, _ in blocks} == {"sql", "polars", "pandas", "r"}]
    assert len(whole) >= 12


@pytest.fixture(scope="module")
def in_r(published: Path) -> dict[int, list[tuple[Any, ...]]]:
    """The answers of all R blocks, each in an environment of its own, by one R for all: starting R costs more than asking.
    `make test` installs R where it is missing and may (tests/install_tools.sh); where it may not, the skip says so."""
    if RSCRIPT is None:
        pytest.skip("Rscript is not installed and could not be (tests/install_tools.sh)")
    blocks = {number: code for number, found in QUESTIONS.items() for language, code in found if language == "r"}
    script = "".join(f"local({{\n{code}\ncat('\\n== {number}\\n'); write.csv(answer, row.names = FALSE)\n}})\n" for number, code in blocks.items())
    done = subprocess.run([RSCRIPT, "--encoding=UTF-8", "-"], input=script, cwd=published, capture_output=True, text=True, timeout=300, env={**os.environ, "LC_ALL": "C.UTF-8"})
    assert done.returncode == 0, done.stderr
    parts = re.split(r"^== (\d+)\n", done.stdout, flags=re.M)[1:]
    return {int(n): [tuple(map(number_or_text, row)) for row in list(csv.reader(io.StringIO(body)))[1:] if row] for n, body in zip(parts[::2], parts[1::2], strict=True)}


def test_recipes_in_r(published: Path, in_r: dict[int, list[tuple[Any, ...]]]) -> None:
    for number, answer in in_r.items():
        sql = next(code for language, code in QUESTIONS[number] if language == "sql")
        assert answer == run_sql(published, sql), f"recipe {number}: r disagrees"
    assert len(in_r) >= 12


@pytest.mark.parametrize("number", sorted(QUESTIONS))
def test_recipe(published: Path, number: int) -> None:
    answers = {}
    for language, code in QUESTIONS[number]:
        if language == "r":
            continue  # all of them at once above
        run = run_sql if language == "sql" else run_python
        answers[language] = run(published, code)
        assert answers[language], f"recipe {number} in {language} gives nothing"
    first = next(iter(answers.values()))
    for language, answer in answers.items():
        assert answer == first, f"recipe {number}: {language} disagrees"


def test_the_notebook_runs(published: Path, tmp_path: Path) -> None:
    import nbformat
    from nbclient import NotebookClient

    book = nbformat.read(REPO / "examples" / "first_look.ipynb", as_version=4)
    before = os.environ.get("EVATLAS_PUBLISHED")
    os.environ["EVATLAS_PUBLISHED"] = str(published)
    try:
        NotebookClient(book, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    finally:
        os.environ.pop("EVATLAS_PUBLISHED") if before is None else os.environ.update(EVATLAS_PUBLISHED=before)
    outputs = [o for cell in book.cells if cell.cell_type == "code" for o in cell.outputs]
    assert any("Shenzhen" in str(o) for o in outputs)
    assert not any(o.output_type == "error" for o in outputs)
