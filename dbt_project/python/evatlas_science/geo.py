"""Distances and neighbours on the sphere. Belongs here: geometry. Does not belong here: statistics."""

from __future__ import annotations

import numpy as np

from evatlas_science import EARTH_RADIUS_KM


def distances_km(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """Great-circle distances (n, n) in km of points in degrees, by the haversine formula."""
    lam, phi = np.radians(lon), np.radians(lat)
    half = np.sin((phi[:, None] - phi[None, :]) / 2) ** 2
    half += np.cos(phi)[:, None] * np.cos(phi)[None, :] * np.sin((lam[:, None] - lam[None, :]) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(half, 0, 1)))


def distances_between(lon: np.ndarray, lat: np.ndarray, rows: slice | np.ndarray) -> np.ndarray:
    """The rows `rows` of distances_km, without the rest of the matrix: 6,000 points squared would take 288 MB."""
    lam, phi = np.radians(lon), np.radians(lat)
    half = np.sin((phi[rows, None] - phi[None, :]) / 2) ** 2
    half += np.cos(phi[rows])[:, None] * np.cos(phi)[None, :] * np.sin((lam[rows, None] - lam[None, :]) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(half, 0, 1)))


def neighbours(lon: np.ndarray, lat: np.ndarray, k: int) -> np.ndarray:
    """Indices (n, k) of the k nearest points of each point, itself excluded; ties go to the lower index, so the
    caller sorts by identifier."""
    distance = distances_km(lon, lat)
    np.fill_diagonal(distance, np.inf)
    return np.argsort(distance, axis=1, kind="stable")[:, :k]


def neighbour_count(n: int) -> int:
    """k of the k-nearest-neighbour graph: 8 from 40 places on, a fifth of the places below."""
    return 8 if n >= 40 else max(1, n // 5)
