"""How far long work is and how long it still takes, on a terminal and in plain logs.

Belongs here: pace, time left, and showing both. Does not belong here: the work.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from tqdm import tqdm

#: Set by a command that a person watches; Dagster's own runs leave it and log instead.
watcher: Callable[[str, int, int, str], None] | None = None
#: Lines of a plain log are at least this far apart, in seconds; the last step always gets one.
QUIET_S = 2.0


class Pace:
    """Steps done of a known number, and the time left at the mean pace so far."""

    def __init__(self, total: int, clock: Callable[[], float] = time.monotonic):
        self.total, self.done, self.clock = total, 0, clock
        self.start = clock()

    def step(self) -> str:
        """Count one step; returns words such as `12 of 96, about 8 s left`."""
        self.done += 1
        left = (self.clock() - self.start) / self.done * max(self.total - self.done, 0)
        return f"{self.done} of {self.total}" + (f", about {spell(left)} left" if self.done < self.total else "")


def spell(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def report(what: str, done: int, total: int, detail: str) -> None:
    """Tell the watcher, if there is one, that `done` of `total` steps of `what` are over."""
    if watcher is not None:
        watcher(what, done, total, detail)


class Teller:
    """Plain lines with the elapsed time; a bar on a terminal, lines at intervals elsewhere."""

    def __init__(self, out: object = None, terminal: bool | None = None, clock: Callable[[], float] = time.monotonic):
        self.out = out or sys.stdout
        self.clock = clock
        self.start = clock()
        self.terminal = sys.stdout.isatty() if terminal is None else terminal
        self.bar: tqdm | None = None  # type: ignore[type-arg]
        self.last = -QUIET_S
        self.what = ""
        self.began = self.start

    def __call__(self, text: str) -> None:
        self.close()
        print(f"[{self.clock() - self.start:6.1f} s] {text}", file=self.out, flush=True)  # type: ignore[arg-type]

    def watch(self, what: str, done: int, total: int, detail: str) -> None:
        if what != self.what:
            self.close()
            self.what, self.began, self.last = what, self.clock(), -QUIET_S
        if self.terminal:
            if self.bar is None:
                self.bar = tqdm(total=total, desc=what, unit="", leave=False, file=self.out)  # type: ignore[arg-type]
            self.bar.total = total
            self.bar.set_postfix_str(detail[:40], refresh=False)
            self.bar.update(done - self.bar.n)
            return
        now = self.clock()
        if now - self.last >= QUIET_S or done == total:
            self.last = now
            left = (now - self.began) / max(done, 1) * (total - done)
            # the first steps tell no pace yet
            tail = f", about {spell(left)} left" if 0 < done < total and now - self.began >= 0.5 else ""
            print(f"[{now - self.start:6.1f} s] {what}: {done} of {total}{tail} ({detail})", file=self.out, flush=True)  # type: ignore[arg-type]

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None
