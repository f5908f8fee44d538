"""Coding of policy texts: which sentence uses which instrument, in which direction, for whom, how much.

Belongs here: applying the rules of the seed `instrument_terms.csv` to a text. Does not belong here: the rules.
"""

from __future__ import annotations

from typing import Any


def code_text(text: str, titled: bool = False) -> list[dict[str, Any]]:
    """Rules are not written yet: no hit."""
    return []
