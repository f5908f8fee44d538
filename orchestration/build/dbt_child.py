"""dbt as a child that ends with its parent: `python -m orchestration.build.dbt_child <parent's id> <dbt's arguments>`.

Belongs here: what has to be set in the child before dbt begins. Does not belong here: starting it (dbt.py).
A function given to Popen as `preexec_fn` would run between fork and exec in a process of many threads, where any lock may be held.
"""

import ctypes
import os
import runpy
import signal
import sys


def end_with(parent: int) -> None:
    """Ask the kernel to end this process when its parent dies, so that no orphan goes on writing after a killed run (Linux;
    elsewhere the fencing token alone protects the publication)."""
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    except (OSError, AttributeError):
        return
    if os.getppid() != parent:  # it died before the kernel was asked
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    end_with(int(sys.argv.pop(1)))
    sys.argv[0] = "dbt"
    runpy.run_module("dbt.cli.main", run_name="__main__", alter_sys=False)
