"""What runs work with, as Dagster resources: shown in its UI, and set for a run or a deployment in one place.

Belongs here: resources. Does not belong here: what is done with them.
"""
# No `from __future__ import annotations` here: Dagster reads the annotations of resources at definition.

from pathlib import Path

import dagster as dg
from pydantic import Field

from ingest.home import Home


class HomeResource(dg.ConfigurableResource[Home]):
    """The home that a run reads and writes."""

    root: str = Field(default="", description="Folder of the home; empty: what EVATLAS_HOME says when the run begins, or `data/` of the checkout.")

    def get(self) -> Home:
        return Home(Path(self.root).resolve()) if self.root else Home.from_env()
