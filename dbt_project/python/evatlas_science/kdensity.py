"""K-density (Duranton and Overman 2005) and the M function (Marcon and Puech 2010) on plant coordinates.

Belongs here: the two functions and their envelopes. Does not belong here: clusters, nor places of cities: points
at city centroids would make a spike at distance zero.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from evatlas_science import SEED
from evatlas_science.geo import distances_km

LEAST_PLANTS = 10
RADII_KM = tuple(range(0, 201, 10))
SIMULATIONS = 199
GRID_KM = 1.0


def nrd0(values: np.ndarray) -> float:
    """Silverman's rule of thumb as R's bw.nrd0: 0.9 min(sd, IQR / 1.34) n^-0.2, in the unit of `values`."""
    spread = values.std(ddof=1)
    low, high = np.percentile(values, [25, 75])
    width = min(spread, (high - low) / 1.34) or spread or abs(values[0]) or 1.0
    return float(0.9 * width * len(values) ** -0.2)


def bandwidth_km(upper: np.ndarray) -> float:
    """dbmss's bandwidth for a distance table: nrd0 of the pairs within twice the largest radius (the rest cannot weigh
    on the curve), every pair counted twice as the table has it."""
    near = upper[upper <= 2 * RADII_KM[-1]]
    if len(near) < 2:
        near = upper
    return nrd0(np.concatenate([near, near]))


def density(upper: np.ndarray, radii: np.ndarray, bandwidth: float, weights: np.ndarray | None = None) -> np.ndarray:
    """Kernel density (per km) of pair distances at `radii`, reflected at zero; Gaussian kernel."""
    w = np.full(len(upper), 1 / len(upper)) if weights is None else weights / weights.sum()
    result = np.empty(len(radii))
    for index, r in enumerate(radii):
        kernel = np.exp(-0.5 * ((r - upper) / bandwidth) ** 2) + np.exp(-0.5 * ((r + upper) / bandwidth) ** 2)
        result[index] = float(w @ kernel) / (bandwidth * np.sqrt(2 * np.pi))
    return result


def m_function(distance: np.ndarray, reference: np.ndarray, neighbour: np.ndarray, weight: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """M at `radii`: how much of the weight around the reference points is the neighbour type's, against everywhere.

    `reference` and `neighbour` are masks (n,); equal masks give the intra-type M. NaN at r = 0 and where no point has
    a neighbour."""
    same = bool(np.array_equal(reference, neighbour))
    mine = distance[reference]
    rows = np.flatnonzero(reference)
    total = weight.sum()
    wanted = weight[neighbour].sum() - (weight[rows] if same else 0)
    ratio_far = wanted / (total - weight[rows])
    result = np.full(len(radii), np.nan)
    for index, r in enumerate(radii):
        if r <= 0:
            continue
        inside = mine <= r
        inside[np.arange(len(rows)), rows] = False
        near_all = inside @ weight
        near_type = inside @ np.where(neighbour, weight, 0.0)
        seen = near_all > 0
        if seen.any() and ratio_far[seen].sum() > 0:
            result[index] = (near_type[seen] / near_all[seen]).sum() / ratio_far[seen].sum()
    return result


def k_density(plants: pd.DataFrame, say=lambda text: None) -> pd.DataFrame:
    """One row per segment and radius for one year.

    `plants`: plant_id, segment_id, year (one value), lon, lat, size. Segments with fewer than 10 plants that have
    coordinates get NULL with a reason. Envelopes: 199 draws of as many plants from all plants' places (seeded); local
    ones are the 2.5 and 97.5 percentiles at each radius, global ones bound 95 % of whole curves."""
    frame = plants.dropna(subset=["lon", "lat"]).sort_values("plant_id").reset_index(drop=True)
    radii = np.array(RADII_KM, dtype=float)
    rows = []
    if frame.empty:
        return pd.DataFrame(rows)
    distance = distances_km(frame["lon"].to_numpy(float), frame["lat"].to_numpy(float))
    binned = np.minimum(np.round(distance / GRID_KM), 5000).astype(np.uint16)
    weight = frame["size"].fillna(0).to_numpy(float)
    random = np.random.default_rng(SEED)
    centres = np.arange(5001) * GRID_KM
    for segment, part in frame.groupby("segment_id", sort=True):
        here = part.index.to_numpy()
        base = {"segment_id": segment, "year": int(part["year"].iloc[0]), "n_plants": len(here)}
        if len(here) < LEAST_PLANTS:
            rows += [{**base, "r_km": r, "null_reason": f"fewer than {LEAST_PLANTS} plants with coordinates"} for r in radii]
            continue
        i, j = np.triu_indices(len(here), 1)
        upper = distance[np.ix_(here, here)][i, j]
        width = bandwidth_km(upper)
        observed = density(upper, radii, width)
        pair_weight = weight[here][i] * weight[here][j]
        weighted = density(upper, radii, width, pair_weight) if pair_weight.sum() > 0 else np.full(len(radii), np.nan)
        mask = np.zeros(len(frame), dtype=bool)
        mask[here] = True
        m = m_function(distance, mask, mask, weight, radii) if weight[here].sum() > 0 else np.full(len(radii), np.nan)
        kernel = np.exp(-0.5 * ((radii[:, None] - centres) / width) ** 2) + np.exp(-0.5 * ((radii[:, None] + centres) / width) ** 2)
        kernel /= width * np.sqrt(2 * np.pi)
        curves = np.empty((SIMULATIONS, len(radii)))
        for draw in range(SIMULATIONS):
            chosen = random.choice(len(frame), len(here), replace=False)
            histogram = np.bincount(binned[np.ix_(chosen, chosen)][i, j], minlength=5001)[:5001]
            curves[draw] = kernel @ (histogram / histogram.sum())
        low, high = np.percentile(curves, [2.5, 97.5], axis=0)
        global_low, global_high = global_envelope(curves)
        for index, r in enumerate(radii):
            rows.append(
                {
                    **base, "r_km": r, "kd": observed[index], "kd_weighted": weighted[index], "m": m[index], "bandwidth_km": width,
                    "local_lo": low[index], "local_hi": high[index], "global_lo": global_low[index], "global_hi": global_high[index],
                    "null_reason": "m undefined at distance 0" if np.isnan(m[index]) else None,
                }
            )  # fmt: skip
        say(f"k-density: {segment}")
    return pd.DataFrame(rows)


def global_envelope(curves: np.ndarray, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Bounds that 95 % of whole curves stay within: the most extreme curves are dropped by their largest
    standardised departure from the mean curve."""
    centre, spread = curves.mean(axis=0), curves.std(axis=0)
    departure = np.max(np.abs(curves - centre) / np.where(spread > 0, spread, 1), axis=1)
    kept = curves[np.argsort(departure)[: int(np.ceil(level * len(curves)))]]
    return kept.min(axis=0), kept.max(axis=0)


def m_inter(plants: pd.DataFrame) -> pd.DataFrame:
    """Inter-type M for every ordered pair of segments with enough plants: reference, neighbour, year, r_km, m_inter."""
    frame = plants.dropna(subset=["lon", "lat"]).sort_values("plant_id").reset_index(drop=True)
    rows = []
    if frame.empty:
        return pd.DataFrame(rows)
    counts = frame["segment_id"].value_counts()
    segments = sorted(counts[counts >= LEAST_PLANTS].index)
    if len(segments) < 2 or len(segments) > 20:
        return pd.DataFrame(rows)
    distance = distances_km(frame["lon"].to_numpy(float), frame["lat"].to_numpy(float))
    weight = frame["size"].fillna(0).to_numpy(float)
    radii = np.array(RADII_KM, dtype=float)
    kinds = frame["segment_id"].to_numpy()
    for a in segments:
        for b in segments:
            if a != b:
                m = m_function(distance, kinds == a, kinds == b, weight, radii)
                rows += [{"reference": a, "neighbour": b, "year": int(frame["year"].iloc[0]), "r_km": r, "m_inter": v} for r, v in zip(radii, m, strict=True)]
    return pd.DataFrame(rows)
