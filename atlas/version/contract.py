"""The version of the contract of the published tables, and what a version is told of the build that made it.

Belongs here: the two. Does not belong here: planning a build (orchestration/build), the tables' names (dbt_project/).
"""

from __future__ import annotations

from typing import Any, Protocol

#: Of the published tables. 2.0.0 is being prepared (docs/decisions.md): what a name means has already changed since 1.0.0
#: (`n_battery_plants` counts plants for cells alone), which is a breaking change like a rename.
CONTRACT_VERSION = "2.0.0-alpha.4"


class Build(Protocol):
    """One build, as a version names it: see orchestration.build.planning.Plan, which is one."""

    version: str
    sequence: int
    digest: str
    vintage_id: str
    as_of: str
    built_at: str
    run_id: str
    code_version: str
    inputs: str
    previous: str | None
    changes: dict[str, Any] | None
    journals: dict[str, str]
