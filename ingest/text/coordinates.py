"""Coordinates of Chinese maps as WGS-84.

Belongs here: the two systems that Chinese portals publish in, and their way back to WGS-84. Does not belong here: which
system a file uses (its column `crs` says), nor where a city lies.

Methods. GCJ-02 shifts WGS-84 by a fixed series over the Krasovsky 1940 ellipsoid; the series has been published many times
(eviltransform, coordtransform). It has no closed inverse: the shift is subtracted until nothing changes, which reaches a
centimetre in a few rounds. BD-09 turns and stretches GCJ-02 once more, with a published approximate inverse that is good to
about a metre.
"""

from __future__ import annotations

from math import atan2, cos, pi, radians, sin, sqrt

SYSTEMS = ("wgs84", "gcj02", "bd09")
_A, _EE = 6378245.0, 0.00669342162296594323  # Krasovsky 1940: semi-major axis in metres, squared eccentricity
_X = pi * 3000.0 / 180.0

#: How people write the names of the systems.
NAMES = {
    "wgs84": "wgs84", "wgs": "wgs84", "epsg4326": "wgs84", "4326": "wgs84", "gps": "wgs84", "cgcs2000": "wgs84", "epsg4490": "wgs84",
    "大地坐标": "wgs84", "gcj02": "gcj02", "gcj": "gcj02", "火星坐标": "gcj02", "火星": "gcj02", "高德": "gcj02", "腾讯": "gcj02", "amap": "gcj02",
    "bd09": "bd09", "bd09ll": "bd09", "baidu": "bd09", "百度": "bd09", "百度坐标": "bd09",
}  # fmt: skip


def system_of(text: str) -> str:
    """wgs84, gcj02 or bd09 for a name of it (CGCS2000 differs from WGS-84 by centimetres). Raises ValueError."""
    key = "".join(c for c in text.lower() if c not in " -_:.()")
    if key not in NAMES:
        raise ValueError(f"none of {', '.join(SYSTEMS)}")
    return NAMES[key]


def in_china(lon: float, lat: float) -> bool:
    """Whether GCJ-02 shifts a point at all: inside the rectangle that its implementations use."""
    return 72.004 <= lon <= 137.8347 and 0.8293 <= lat <= 55.8271


def wgs84_to_gcj02(lon: float, lat: float) -> tuple[float, float]:
    """Degrees to degrees."""
    if not in_china(lon, lat):
        return lon, lat
    x, y = lon - 105.0, lat - 35.0
    wave = (20.0 * sin(6.0 * x * pi) + 20.0 * sin(2.0 * x * pi)) * 2.0 / 3.0
    dlat = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x)) + wave
    dlat += (20.0 * sin(y * pi) + 40.0 * sin(y / 3.0 * pi)) * 2.0 / 3.0
    dlat += (160.0 * sin(y / 12.0 * pi) + 320.0 * sin(y * pi / 30.0)) * 2.0 / 3.0
    dlon = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x)) + wave
    dlon += (20.0 * sin(x * pi) + 40.0 * sin(x / 3.0 * pi)) * 2.0 / 3.0
    dlon += (150.0 * sin(x / 12.0 * pi) + 300.0 * sin(x / 30.0 * pi)) * 2.0 / 3.0
    phi = radians(lat)
    magic = 1 - _EE * sin(phi) ** 2
    dlat = dlat * 180.0 / (_A * (1 - _EE) / (magic * sqrt(magic)) * pi)
    dlon = dlon * 180.0 / (_A / sqrt(magic) * cos(phi) * pi)
    return lon + dlon, lat + dlat


def gcj02_to_wgs84(lon: float, lat: float) -> tuple[float, float]:
    """Degrees to degrees, by repeated subtraction of the shift."""
    if not in_china(lon, lat):
        return lon, lat
    found = lon, lat
    for _ in range(10):
        shifted = wgs84_to_gcj02(*found)
        step = shifted[0] - lon, shifted[1] - lat
        found = found[0] - step[0], found[1] - step[1]
        if max(abs(step[0]), abs(step[1])) < 1e-9:
            break
    return found


def bd09_to_gcj02(lon: float, lat: float) -> tuple[float, float]:
    """Degrees to degrees."""
    x, y = lon - 0.0065, lat - 0.006
    z = sqrt(x * x + y * y) - 0.00002 * sin(y * _X)
    theta = atan2(y, x) - 0.000003 * cos(x * _X)
    return z * cos(theta), z * sin(theta)


def to_wgs84(lon: float, lat: float, system: str) -> tuple[float, float]:
    """Longitude and latitude in degrees of WGS-84, from `system` (one of SYSTEMS)."""
    if system == "bd09":
        return gcj02_to_wgs84(*bd09_to_gcj02(lon, lat))
    return gcj02_to_wgs84(lon, lat) if system == "gcj02" else (lon, lat)
