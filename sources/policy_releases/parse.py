"""Placeholder of this commit: documents come next."""

from __future__ import annotations

from collections.abc import Iterable

from sources.base import Page, ParseContext, Parsed


def parse(pages: Iterable[Page], context: ParseContext) -> Parsed:
    raise NotImplementedError
