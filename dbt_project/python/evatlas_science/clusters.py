"""Density clusters of plants (HDBSCAN; DBSCAN as sensitivity) with identifiers that stay from year to year.

Belongs here: clustering by coordinates. Does not belong here: administrative clusters (SQL has those).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from evatlas_science import EARTH_RADIUS_KM

DBSCAN_KM = 30.0
DBSCAN_LEAST = 5


def least_size(n: int) -> int:
    """min_cluster_size: 8 below 150 plants, rising to 15 from 280 on (a twentieth of the plants between)."""
    return 8 if n < 160 else min(15, n // 20)


def plant_clusters(plants: pd.DataFrame) -> pd.DataFrame:
    """One row per plant, year and method that put it into a cluster.

    `plants`: plant_id, year, lon, lat, only plants with coordinates of their own (plant or district). Noise gets a NULL
    cluster with probability 0. Clusters of a year take the identifier of last year's with the largest overlap (Jaccard);
    others get a new one."""
    from sklearn.cluster import DBSCAN, HDBSCAN

    rows = []
    for method in ("hdbscan", "dbscan"):
        before: dict[str, set[str]] = {}
        serial = 0
        for year, part in plants.sort_values("plant_id").groupby("year", sort=True):
            size = least_size(len(part))
            if len(part) < 2 * size:
                continue
            points = np.radians(part[["lat", "lon"]].to_numpy(float))
            if method == "hdbscan":
                # one more than hdbscan-contrib's min_samples: sklearn counts the point itself
                model = HDBSCAN(min_cluster_size=size, min_samples=6, metric="haversine", copy=True).fit(points)
                strength = model.probabilities_
            else:
                model = DBSCAN(eps=DBSCAN_KM / EARTH_RADIUS_KM, min_samples=DBSCAN_LEAST, metric="haversine").fit(points)
                strength = (model.labels_ >= 0).astype(float)
            now: dict[str, set[str]] = {}
            names: dict[int, str | None] = {-1: None}
            members = {label: set(part["plant_id"].to_numpy()[model.labels_ == label]) for label in sorted(set(model.labels_) - {-1})}
            options = sorted(
                ((len(ids & old) / len(ids | old), label, name) for label, ids in members.items() for name, old in before.items()),
                key=lambda o: (-o[0], o[1], o[2]),
            )
            for overlap, label, name in options:
                if overlap > 0 and label not in names and name not in now:
                    names[label], now[name] = name, members[label]
            for label, ids in members.items():
                if label not in names:
                    serial += 1
                    names[label] = f"{method}:{serial:03d}"
                    now[names[label]] = ids
            before = now
            rows += [
                {"plant_id": plant, "year": int(year), "cluster_id": names[label], "method": method, "probability": float(p)}
                for plant, label, p in zip(part["plant_id"], model.labels_, strength, strict=True)
            ]
    return pd.DataFrame(rows, columns=["plant_id", "year", "cluster_id", "method", "probability"])
