"""Long work says how far it is and how long it takes."""

from __future__ import annotations

import io

import pytest

from orchestration.commands.progress import Pace, Teller, spell


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_time_left_follows_the_pace() -> None:
    clock = Clock()
    pace = Pace(4, clock)
    clock.now = 10.0
    assert pace.step() == "1 of 4, about 30 s left"
    clock.now = 12.0
    assert pace.step() == "2 of 4, about 12 s left"
    pace.step()
    assert pace.step() == "4 of 4"


@pytest.mark.parametrize(("seconds", "words"), [(3.4, "3 s"), (89, "89 s"), (120, "2 min"), (7200, "2.0 h")])
def test_spelling(seconds: float, words: str) -> None:
    assert spell(seconds) == words


def test_a_plain_log_gets_lines_at_intervals_and_always_the_last() -> None:
    clock, out = Clock(), io.StringIO()
    tell = Teller(out, terminal=False, clock=clock)
    for done in range(1, 101):
        clock.now += 0.1
        tell.watch("building tables", done, 100, f"table_{done}")
    lines = out.getvalue().splitlines()
    assert 4 <= len(lines) <= 8
    assert lines[-1].startswith("[  10.0 s] building tables: 100 of 100") and "left" not in lines[-1]
    assert "about" in lines[1] and "\r" not in out.getvalue()


def test_the_first_step_promises_no_time() -> None:
    clock, out = Clock(), io.StringIO()
    tell = Teller(out, terminal=False, clock=clock)
    tell.watch("writing", 0, 5, "starting")
    tell.watch("building", 1, 100, "a")
    clock.now = 3.0
    tell.watch("building", 10, 100, "b")
    first, second, third = out.getvalue().splitlines()
    assert "left" not in first and "left" not in second and "about 27 s left" in third


def test_a_terminal_gets_one_bar() -> None:
    out = io.StringIO()
    tell = Teller(out, terminal=True)
    tell.watch("landing", 1, 2, "a")
    tell.watch("landing", 2, 2, "b")
    assert tell.bar is not None and tell.bar.n == 2
    tell("done")
    assert tell.bar is None and "done" in out.getvalue()


def test_refresh_tells_its_steps(home) -> None:
    log = (home / "first-run.log").read_text()
    assert "building and testing tables: " in log and " left (" in log
    assert "writing the version: 5 of 5" in log
