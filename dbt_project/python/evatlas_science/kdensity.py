"""K-density (Duranton and Overman 2005) and the M function (Marcon and Puech 2010) on plant coordinates.

Belongs here: the two functions and their envelopes. Does not belong here: clusters, nor places of cities: points
at city centroids would make a spike at distance zero.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from evatlas_science import SEED
from evatlas_science.geo import distances_between, distances_km

LEAST_PLANTS = 10
RADII_KM = tuple(range(0, 201, 10))
SIMULATIONS = 199
GRID_KM = 1.0
FURTHEST_KM = 5000
BLOCK = 512  # points whose distances to all others are held at once


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


def m_functions(lon: np.ndarray, lat: np.ndarray, kind: np.ndarray, weight: np.ndarray, kinds: int, radii: np.ndarray) -> np.ndarray:
    """M at `radii` for every ordered pair of kinds, (kinds, kinds, radii): how much of the weight around the points of
    the first kind is the second kind's, against everywhere. Equal kinds give the intra-type M.

    `kind`: code of each point, from 0. One pass: each point's distances are sorted into the radii once, and the weight
    of every kind within every radius is read off that. NaN at r = 0 and where no point has a neighbour."""
    n, steps = len(lon), len(radii)
    total = weight.sum()
    by_kind = np.bincount(kind, weights=weight, minlength=kinds)
    above, below = np.zeros((kinds, kinds, steps)), np.zeros((kinds, kinds, steps))
    for start in range(0, n, BLOCK):
        rows = np.arange(start, min(start + BLOCK, n))
        step = np.searchsorted(radii, distances_between(lon, lat, rows), side="left")
        step[np.arange(len(rows)), rows] = steps  # a point is no neighbour of itself
        cell = (np.arange(len(rows))[:, None] * kinds + kind[None, :]) * (steps + 1) + step
        near = np.bincount(cell.ravel(), weights=np.broadcast_to(weight, cell.shape).ravel(), minlength=len(rows) * kinds * (steps + 1))
        near = near.reshape(len(rows), kinds, steps + 1)[:, :, :steps].cumsum(axis=2)
        near_all = near.sum(axis=1)
        seen = near_all > 0
        ratio = np.divide(near, near_all[:, None, :], out=np.zeros_like(near), where=seen[:, None, :])
        far = (by_kind[None, :] - np.where(kind[rows, None] == np.arange(kinds)[None, :], weight[rows, None], 0.0)) / (total - weight[rows, None])
        expected = far[:, :, None] * seen[:, None, :]
        np.add.at(above, kind[rows], ratio)
        np.add.at(below, kind[rows], expected)
    with np.errstate(divide="ignore", invalid="ignore"):
        result = np.where(below > 0, above / below, np.nan)
    result[:, :, radii <= 0] = np.nan
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
    lon, lat = frame["lon"].to_numpy(float), frame["lat"].to_numpy(float)
    binned = np.empty((len(frame), len(frame)), dtype=np.uint16)
    for start in range(0, len(frame), BLOCK):
        rows_here = slice(start, start + BLOCK)
        binned[rows_here] = np.minimum(np.round(distances_between(lon, lat, rows_here) / GRID_KM), FURTHEST_KM)
    weight = frame["size"].fillna(0).to_numpy(float)
    kinds, names = pd.factorize(frame["segment_id"], sort=True)
    functions = m_functions(lon, lat, kinds, weight, len(names), radii)
    random = np.random.default_rng(SEED)
    centres = np.arange(FURTHEST_KM + 1) * GRID_KM
    for segment, part in frame.groupby("segment_id", sort=True):
        here = part.index.to_numpy()
        base = {"segment_id": segment, "year": int(part["year"].iloc[0]), "n_plants": len(here)}
        if len(here) < LEAST_PLANTS:
            rows += [{**base, "r_km": r, "null_reason": f"fewer than {LEAST_PLANTS} plants with coordinates"} for r in radii]
            continue
        i, j = np.triu_indices(len(here), 1)
        upper = distances_km(lon[here], lat[here])[i, j]
        width = bandwidth_km(upper)
        observed = density(upper, radii, width)
        pair_weight = weight[here][i] * weight[here][j]
        weighted = density(upper, radii, width, pair_weight) if pair_weight.sum() > 0 else np.full(len(radii), np.nan)
        code = int(np.flatnonzero(names == segment)[0])
        m = functions[code, code] if weight[here].sum() > 0 else np.full(len(radii), np.nan)
        kernel = np.exp(-0.5 * ((radii[:, None] - centres) / width) ** 2) + np.exp(-0.5 * ((radii[:, None] + centres) / width) ** 2)
        kernel /= width * np.sqrt(2 * np.pi)
        curves = np.empty((SIMULATIONS, len(radii)))
        for draw in range(SIMULATIONS):
            chosen = random.choice(len(frame), len(here), replace=False)
            # the matrix holds every pair twice and each point with itself at 0
            histogram = np.bincount(binned[chosen][:, chosen].ravel(), minlength=len(centres))
            histogram[0] -= len(here)
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
    lon, lat = frame["lon"].to_numpy(float), frame["lat"].to_numpy(float)
    kinds, names = pd.factorize(frame["segment_id"], sort=True)
    weight = frame["size"].fillna(0).to_numpy(float)
    radii = np.array(RADII_KM, dtype=float)
    functions = m_functions(lon, lat, kinds, weight, len(names), radii)
    year = int(frame["year"].iloc[0])
    code = {name: index for index, name in enumerate(names)}
    for a in segments:
        for b in segments:
            if a != b:
                rows += [{"reference": a, "neighbour": b, "year": year, "r_km": r, "m_inter": v} for r, v in zip(radii, functions[code[a], code[b]], strict=True)]
    return pd.DataFrame(rows)
