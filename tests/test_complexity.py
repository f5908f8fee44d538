"""No function that a reader cannot hold: radon's cyclomatic complexity of the product's code is at most 20.

Belongs here: the gate, and that each exception from ruff's stricter one (C901, ten branches, `make lint`) has a reason.
Does not belong here: which way a function is taken apart.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPO

MOST = 20
CODE = ("ingest", "sources", "orchestration", "atlas", "dbt_project/python")
#: What takes a function out of ruff's gate; the reason stands behind it.
EXCEPTION = re.compile(r"#\s*noqa:[^#]*\bC901\b(?P<said>.*)$")


def visitor() -> Any:
    """radon's visitor of one module. Fails, and never skips, where radon is not installed: a gate that is away is no
    gate."""
    try:
        return importlib.import_module("radon.visitors").ComplexityVisitor
    except ModuleNotFoundError as error:
        pytest.fail(
            f"radon is missing ({error}): it belongs to the `dev` extra of pyproject.toml; install the lock of the tests anew"
        )


def functions(code: str) -> Iterator[tuple[int, str, int]]:
    """(complexity, name, line) of every function, those within functions and classes too. radon counts the branches of
    an inner function to that one alone (ruff adds them to the outer one)."""
    found = visitor().from_code(code)
    queue: list[tuple[str, Any]] = [("", block) for block in (*found.functions, *found.classes)]
    while queue:
        within, block = queue.pop()
        name = f"{within}{block.name}"
        if block.letter == "C":
            inner = [*block.methods, *block.inner_classes]
        else:
            yield block.complexity, name, block.lineno
            inner = block.closures
        queue += [(f"{name}.", each) for each in inner]


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (REPO / folder).rglob("*.py"))


def test_every_function_can_be_held() -> None:
    seen = 0
    above = []
    for path in python_files(*CODE):
        for complexity, name, line in functions(path.read_text("utf-8")):
            seen += 1
            if complexity > MOST:
                above.append(f"{path.relative_to(REPO)}:{line} {name}: {complexity}, at most {MOST}")
    assert seen > 1000, f"only {seen} functions were looked at"
    assert not above, "take these functions apart into steps with names, or their branches into a table:\n" + "\n".join(
        above
    )


def test_the_gate_counts_what_it_should() -> None:
    """One branch more than allowed is seen, in a function, a method and a function within a function."""
    for branches, expected in ((MOST - 1, False), (MOST, True)):
        body = "\n".join(f"        if x == {n}: x += 1" for n in range(branches))
        code = f"class A:\n    def method(self, x):\n{body}\ndef plain(x):\n{body}\ndef outer(x):\n    def inner(x):\n{body}\n    return inner\n"
        found = {name: complexity > MOST for complexity, name, _ in functions(code)}
        assert found == {"A.method": expected, "plain": expected, "outer": False, "outer.inner": expected}


def test_an_exception_from_ruff_says_why() -> None:
    mute = []
    folders = (*CODE, "bench", "tests")
    for path in python_files(*folders):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
            found = EXCEPTION.search(line)
            if found and "def " in line and not re.fullmatch(r" - \S.{15,}", found["said"]):
                mute.append(f"{path.relative_to(REPO)}:{number}")
    assert not mute, "a reason belongs behind `# noqa: C901 - `: " + ", ".join(mute)
