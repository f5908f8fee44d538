"""What all tests share: where the shared material is, and homes that disappear.

Belongs here: fixtures used by more than one test module. Does not belong here: assertions.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent


def shared_path(*parts: str) -> Path:
    """A path of the shared material (EVATLAS_SHARED, default `../shared`); skips the test where it is absent."""
    path = Path(os.environ.get("EVATLAS_SHARED") or REPO.parent / "shared").joinpath(*parts)
    if not path.exists():
        pytest.skip(f"shared material {'/'.join(parts)} is not on this machine (set EVATLAS_SHARED)")
    return path
