"""Sources: one folder each, found by discovery. Pure Python: nothing here imports Dagster, dbt or DuckDB,
and no source imports another (ruff's banned-api and tests/test_imports.py enforce it).
"""

from __future__ import annotations

import importlib
import os
import pkgutil

from ingest.declaration import Source


def all_sources() -> list[Source]:
    """Every declared source, by name: each sub-package that has a SOURCE (or SOURCES, for a family of sites)."""
    found: list[Source] = []
    for module in pkgutil.iter_modules(__path__):
        if module.ispkg:
            package = importlib.import_module(f"{__name__}.{module.name}")
            found += getattr(package, "SOURCES", None) or [package.SOURCE]
    return sorted(found, key=lambda source: source.name)


def selected_sources(selection: str | None = None) -> list[Source]:
    """The sources that a refresh asks: EVATLAS_SOURCES = `bundled` (default: those that need no network),
    `live` (those and the live ones), or names separated by commas. Raises ValueError for an unknown name."""
    choice = (selection or os.environ.get("EVATLAS_SOURCES") or "bundled").strip()
    sources = all_sources()
    if choice == "bundled":
        return [source for source in sources if not source.live]
    if choice == "live":
        return sources
    names = {name.strip() for name in choice.split(",") if name.strip()}
    unknown = names - {source.name for source in sources}
    if unknown:
        raise ValueError(f"EVATLAS_SOURCES names unknown sources: {', '.join(sorted(unknown))}")
    return [source for source in sources if source.name in names]
