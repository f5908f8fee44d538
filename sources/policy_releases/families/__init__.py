"""The families of content management systems: one module each, found by their name.

Belongs here: what a family gives, and the register. Does not belong here: any one family.

A family turns the root of a site into lists (`lists`) and a list into pages of items, newest first (`pages`). It asks
through `Ask`, which keeps and caches what was asked; it never decides how far a list is walked, nor what is kept.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Protocol

from ingest.declaration import Page
from sources.policy_releases.items import Item

List = Mapping[str, Any]  # where one list begins, with what its family needs to know of it


@dataclass(frozen=True)
class ListPage:
    """One page of a list. `more`: whether the publisher says that another follows (None: it does not say).
    `total`: how many records it says the list has (None: it does not say)."""

    items: tuple[Item, ...]
    more: bool | None = None
    total: int | None = None


class Ask(Protocol):
    """Asks for a page of a list: conditionally, once a run, kept raw."""

    def get(self, url: str, params: Mapping[str, str] | None = None, expect: str = "html", referer: str = "") -> Page: ...

    def post(self, url: str, data: Mapping[str, str], expect: str = "json", referer: str = "") -> Page: ...


def family(name: str) -> ModuleType:
    """The module of a family: `lists(ask, site, root) -> list[List]`, `pages(ask, site, list, month) -> Iterator[ListPage]`,
    and `WINDOWED`, whether the month is part of the question."""
    return importlib.import_module(f"{__name__}.{name}")


__all__ = ["Ask", "Iterator", "List", "ListPage", "family"]
