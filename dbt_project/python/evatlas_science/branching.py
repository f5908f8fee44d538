"""Does a city enter segments related to what it has? (Neffke, Henning and Boschma 2011), with a permutation null.

Belongs here: the linear probability model with two-way effects and its null. Does not belong here: density (SQL).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from evatlas_science import SEED

PERMUTATIONS = 200


def demean(values: np.ndarray, groups: list[np.ndarray], tolerance: float = 1e-12) -> np.ndarray:
    """Residual of `values` (n,) on fixed effects given as integer codes, by alternating projections."""
    x = values.astype(float).copy()
    sizes = [np.bincount(g).astype(float) for g in groups]
    for _ in range(10_000):
        before = x.copy()
        for g, size in zip(groups, sizes, strict=True):
            x -= (np.bincount(g, weights=x, minlength=len(size)) / size)[g]
        if np.abs(x - before).max() < tolerance:
            break
    return x


def without_singletons(groups: list[np.ndarray]) -> np.ndarray:
    """Mask of the rows left after rows alone in a group are dropped, again and again (Correia 2015)."""
    keep = np.ones(len(groups[0]), dtype=bool)
    while True:
        alone = np.zeros(len(keep), dtype=bool)
        for g in groups:
            counts = np.bincount(g[keep], minlength=g.max() + 1)
            alone |= keep & (counts[g] == 1)
        if not alone.any():
            return keep
        keep &= ~alone


def slope(y: np.ndarray, x: np.ndarray, groups: list[np.ndarray], cluster: np.ndarray) -> tuple[float, float]:
    """Coefficient of x and its CRV1 standard error, clustered; NaN where x has no variation left."""
    u, v = demean(y, groups), demean(x, groups)
    weight = float(v @ v)
    if weight < 1e-10:
        return float("nan"), float("nan")
    b = float(u @ v) / weight
    scores = np.bincount(cluster, weights=v * (u - b * v))
    g = len(np.unique(cluster))
    n = len(y)
    # effects nested in the clusters do not count as parameters (Stata's and fixest's rule)
    k = 1
    for effect in groups:
        nested = all(len(np.unique(cluster[effect == e])) == 1 for e in np.unique(effect)) if len(np.unique(effect)) <= 2000 else True
        k += 0 if nested else len(np.unique(effect))
    correction = g / (g - 1) * (n - 1) / max(n - k, 1)
    return b, float(np.sqrt(correction * (scores @ scores)) / weight)


def branching(panel: pd.DataFrame) -> pd.DataFrame:
    """Rows term, estimate, se, permuted_mean, permuted_sd, n, null_reason.

    `panel`: city_id, segment_id, year, entry, density of the year before, and the density under permuted labels is made
    here by shuffling segments' densities within each city and year (seeded). Terms: `density` with city-year and
    segment-year effects (the reported one), `density_city_fe` with city and segment-year effects (a known bias: methods)."""
    rows = []
    random = np.random.default_rng(SEED)
    for term, first in (("density", "city_year"), ("density_city_fe", "city_id")):
        frame = panel.dropna(subset=["density"]).sort_values(["city_id", "year", "segment_id"]).reset_index(drop=True)
        frame = frame.assign(city_year=frame["city_id"].astype(str) + "|" + frame["year"].astype(str), segment_year=frame["segment_id"].astype(str) + "|" + frame["year"].astype(str))
        if frame.empty or frame["entry"].nunique() < 2:
            rows.append({"term": term, "n": len(frame), "null_reason": "no entry, or no city and segment at risk"})
            continue
        codes = [pd.factorize(frame[first])[0], pd.factorize(frame["segment_year"])[0]]
        keep = without_singletons(codes)
        frame = frame[keep].reset_index(drop=True)
        if len(frame) < 30 or frame["entry"].nunique() < 2:
            rows.append({"term": term, "n": len(frame), "null_reason": "fewer than 30 cells at risk"})
            continue
        codes = [pd.factorize(frame[first])[0], pd.factorize(frame["segment_year"])[0]]
        cluster = pd.factorize(frame["city_id"])[0]
        y, x = frame["entry"].to_numpy(float), frame["density"].to_numpy(float)
        b, se = slope(y, x, codes, cluster)
        cells = pd.factorize(frame["city_year"])[0]
        residual = demean(y, codes)
        null = []
        for _ in range(PERMUTATIONS):
            order = np.lexsort((random.random(len(x)), cells))
            shuffled = np.empty_like(x)
            shuffled[np.argsort(cells, kind="stable")] = x[order]
            v = demean(shuffled, codes, tolerance=1e-6)
            weight = float(v @ v)
            if weight > 1e-10:
                null.append(float(residual @ v) / weight)
        rows.append(
            {
                "term": term, "estimate": b, "se": se, "permuted_mean": float(np.mean(null)) if null else np.nan,
                "permuted_sd": float(np.std(null, ddof=1)) if len(null) > 1 else np.nan, "n": len(frame),
                "null_reason": "no variation of density within the effects" if np.isnan(b) else None,
            }
        )  # fmt: skip
    return pd.DataFrame(rows, columns=["term", "estimate", "se", "permuted_mean", "permuted_sd", "n", "null_reason"])
