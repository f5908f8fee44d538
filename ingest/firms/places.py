"""From a place's name to its prefecture code, strictly: a name that means two cities is refused, never guessed.

Belongs here: looking up names in the seeds (cities, aliases, provinces). Does not belong here: locating a firm
from its code and address (ingest/firms/location.py).
"""

from __future__ import annotations

import csv
import functools
from pathlib import Path

#: The seeds that a name is looked up in.
PLACE_SEEDS = ("cities.csv", "city_aliases.csv", "provinces.csv")


class Places:
    """Names of cities as the seeds have them."""

    def __init__(self, seeds: Path):
        self.names: dict[str, set[str]] = {}
        self.province_of: dict[str, str] = {}
        self.province_names: dict[str, str] = {}
        for row in _rows(seeds / "provinces.csv"):
            for key in ("name_zh", "name_zh_short", "name_en", "province_id"):
                self.province_names[row[key].lower()] = row["province_id"]
        for row in _rows(seeds / "cities.csv"):
            self.province_of[row["city_id"]] = row["province_id"]
            for key in ("name_zh", "name_zh_short", "name_en"):
                self.names.setdefault(row[key].lower(), set()).add(row["city_id"])
        for row in _rows(seeds / "city_aliases.csv"):
            self.names.setdefault(row["alias"].lower(), set()).add(row["city_id"])

    def city(self, name: str, province: str = "") -> str | None:
        """The six-digit code of a city named in Chinese or English, or by its code; `province` (either
        language, or code) decides between cities of one name. None for no or no single answer."""
        name = name.strip().lower()
        if name in self.province_of:
            return name
        found = self.names.get(name, set())
        wanted = self.province_names.get(province.strip().lower())
        if wanted and len(found) != 1:
            found = {code for code in found if self.province_of[code] == wanted}
        return next(iter(found)) if len(found) == 1 else None

    def province(self, name: str) -> str | None:
        """The six-digit code of a province named in Chinese or English, or None."""
        return self.province_names.get(name.strip().lower())


def _rows(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


@functools.cache
def places(seeds: Path) -> Places:
    """The places of a seeds folder, read once a process."""
    return Places(seeds)
