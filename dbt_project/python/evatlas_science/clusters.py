"""Density clusters of plants (HDBSCAN; DBSCAN as sensitivity) with identifiers that stay from year to year.

Belongs here: clustering by coordinates. Does not belong here: administrative clusters (SQL has those).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from evatlas_science import EARTH_RADIUS_KM
from evatlas_science.geo import distances_km

DBSCAN_KM = 30.0
DBSCAN_LEAST = 5
CUT_KM = 50.0  # about an hour by lorry
CUT_LEAST = 5
METHODS = ("hdbscan", "hdbscan_50km", "dbscan")
COLUMNS = ["plant_id", "year", "cluster_id", "method", "probability", "previous_cluster_id", "overlap_jaccard", "distance_to_core_km"]


def least_size(n: int) -> int:
    """min_cluster_size: 8 below 160 points, rising to 15 from 300 on (a twentieth of the points between)."""
    return 8 if n < 160 else min(15, n // 20)


def plant_clusters(plants: pd.DataFrame) -> pd.DataFrame:  # noqa: C901 - one pass over methods and years: a year takes its names from the one before
    """One row per plant, year and method.

    `hdbscan`: clusters of the largest excess of mass, as the library gives them. `hdbscan_50km`: the same hierarchy cut where
    neighbours stand 50 km apart: regions that cross city borders and stay from year to year, where the excess of mass may
    call half of the country one cluster in one year and three in the next. `dbscan`: 30 km, as sensitivity.

    `plants`: plant_id, year, lon, lat, only plants with coordinates of their own (plant or district). Noise gets a NULL
    cluster with probability 0. Clusters of a year take the identifier of the year before's with the largest overlap
    (Jaccard index of their members), each identifier once; others get a new one, and an identifier never comes back.
    `previous_cluster_id`, `overlap_jaccard`: the cluster of the year before that overlaps most, also where another took its
    identifier (a split). `distance_to_core_km`: great circle to the member with the smallest sum of distances."""
    from sklearn.cluster import DBSCAN, HDBSCAN

    rows = []
    fitted: dict[int, HDBSCAN] = {}
    for method in METHODS:
        before: dict[str, set[str]] = {}
        serial = 0
        for year, part in plants.sort_values(["plant_id", "lon", "lat"]).groupby("year", sort=True):
            size = least_size(len(part))
            if len(part) < 2 * size:
                continue
            points = np.radians(part[["lat", "lon"]].to_numpy(float))
            if method == "dbscan":
                labels = DBSCAN(eps=DBSCAN_KM / EARTH_RADIUS_KM, min_samples=DBSCAN_LEAST, metric="haversine").fit(points).labels_
                strength = (labels >= 0).astype(float)
            else:
                # one more than hdbscan-contrib's min_samples: sklearn counts the point itself
                if year not in fitted:  # one hierarchy of a year serves both ways to cut it
                    fitted[year] = HDBSCAN(min_cluster_size=size, min_samples=6, metric="haversine", copy=True).fit(points)
                model = fitted[year]
                labels, strength = model.labels_, model.probabilities_
                if method == "hdbscan_50km":
                    labels = model.dbscan_clustering(CUT_KM / EARTH_RADIUS_KM, min_cluster_size=CUT_LEAST)
                    strength = (labels >= 0).astype(float)
            ids = part["plant_id"].to_numpy()
            members = {int(label): set(ids[labels == label]) for label in sorted(set(labels) - {-1})}
            names, overlaps = matched(members, before)
            for label in members:
                if label not in names:
                    serial += 1
                    names[label] = f"{method}:{serial:03d}"
            before = {names[label]: found for label, found in members.items()}
            away = np.full(len(part), np.nan)
            for label in members:
                here = np.flatnonzero(labels == label)
                between = distances_km(part["lon"].to_numpy(float)[here], part["lat"].to_numpy(float)[here])
                away[here] = between[between.sum(axis=1).argmin()]
            for plant, label, p, km in zip(ids, labels, strength, away, strict=True):
                old, overlap = overlaps.get(int(label), (None, None))
                rows.append(
                    {
                        "plant_id": plant, "year": int(year), "cluster_id": names.get(int(label)), "method": method, "probability": float(p),
                        "previous_cluster_id": old, "overlap_jaccard": overlap, "distance_to_core_km": km,
                    }
                )  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)


def matched(members: dict[int, set[str]], before: dict[str, set[str]]) -> tuple[dict[int, str], dict[int, tuple[str, float]]]:
    """Identifiers that clusters take over from the year before, and for each cluster the old one that overlaps it most.

    Greedy by overlap, the largest first; ties by label and identifier, so that the same input gives the same names."""
    options = sorted(
        ((len(now & old) / len(now | old), label, name) for label, now in members.items() for name, old in before.items() if now & old),
        key=lambda o: (-o[0], o[1], o[2]),
    )
    names: dict[int, str] = {}
    overlaps: dict[int, tuple[str, float]] = {}
    for overlap, label, name in options:
        overlaps.setdefault(label, (name, overlap))
        if label not in names and name not in names.values():
            names[label] = name
    return names, overlaps
