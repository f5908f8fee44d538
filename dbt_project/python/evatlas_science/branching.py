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


def slopes(y: np.ndarray, x: np.ndarray, groups: list[np.ndarray], cluster: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients of the columns of x (n, k) and their CRV1 standard errors, clustered; NaN where x has no variation left."""
    k = x.shape[1]
    u, v = demean(y, groups), np.column_stack([demean(x[:, j], groups) for j in range(k)])
    bread = v.T @ v
    if np.diag(bread).min() < 1e-10 or np.linalg.cond(bread) > 1e12:
        return np.full(k, np.nan), np.full(k, np.nan)
    b = np.linalg.solve(bread, v.T @ u)
    residual = (u - v @ b)[:, None] * v
    scores = np.column_stack([np.bincount(cluster, weights=residual[:, j]) for j in range(k)])
    g, n = len(np.unique(cluster)), len(y)
    # effects nested in the clusters do not count as parameters (Stata's and fixest's rule)
    parameters = k
    for effect in groups:
        parameters += 0 if nested(effect, cluster) else len(np.unique(effect))
    inverse = np.linalg.inv(bread)
    variance = g / (g - 1) * (n - 1) / max(n - parameters, 1) * inverse @ (scores.T @ scores) @ inverse
    return b, np.sqrt(np.diag(variance))


def nested(effect: np.ndarray, cluster: np.ndarray) -> bool:
    """Whether each level of an effect lies in one cluster."""
    return len(np.unique(effect)) == len(np.unique(np.column_stack([effect, cluster]), axis=0))


def branching(panel: pd.DataFrame) -> pd.DataFrame:
    """Rows term, estimate, se, permuted_mean, permuted_sd, permutation_p, n, null_reason.

    `panel`: city_id, segment_id, year, entry, density of the year before, ice_city (bool: an ICE past). The density under
    permuted labels is made here by shuffling segments' densities within each city and year (seeded). Terms: `density` with
    city-year and segment-year effects (the reported one); `density_city_fe` with city and segment-year effects (a known bias:
    methods); `density_in_ice_city`, how much steeper entry rises with density in cities with an ICE past (the past itself is
    taken up by the city-year effects). permutation_p: two-sided, share of 200 permutations at least as far from their mean."""
    rows = []
    random = np.random.default_rng(SEED)
    for term, first in (("density", "city_year"), ("density_city_fe", "city_id"), ("density_in_ice_city", "city_year")):
        frame = panel.dropna(subset=["density"]).sort_values(["city_id", "year", "segment_id"]).reset_index(drop=True)
        frame = frame.assign(city_year=frame["city_id"].astype(str) + "|" + frame["year"].astype(str), segment_year=frame["segment_id"].astype(str) + "|" + frame["year"].astype(str))
        reason = None
        if frame.empty or frame["entry"].nunique() < 2:
            reason = "no entry, or no city and segment at risk"
        elif term == "density_in_ice_city" and frame["ice_city"].nunique() < 2:
            reason = "no city with an ICE past, or all have one"
        else:
            codes = [pd.factorize(frame[first])[0], pd.factorize(frame["segment_year"])[0]]
            frame = frame[without_singletons(codes)].reset_index(drop=True)
            if len(frame) < 30 or frame["entry"].nunique() < 2:
                reason = "fewer than 30 cells at risk"
        if reason:
            rows.append({"term": term, "n": len(frame), "null_reason": reason})
            continue
        codes = [pd.factorize(frame[first])[0], pd.factorize(frame["segment_year"])[0]]
        cluster = pd.factorize(frame["city_id"])[0]
        y, density = frame["entry"].to_numpy(float), frame["density"].to_numpy(float)
        ice = frame["ice_city"].to_numpy(float)
        crossed = term == "density_in_ice_city"

        def regressors(d: np.ndarray, crossed: bool = crossed, ice: np.ndarray = ice) -> np.ndarray:
            return np.column_stack([d, d * ice]) if crossed else d[:, None]

        b, se = slopes(y, regressors(density), codes, cluster)
        cells = pd.factorize(frame["city_year"])[0]
        residual = demean(y, codes)
        null = []
        for _ in range(PERMUTATIONS):
            order = np.lexsort((random.random(len(density)), cells))
            shuffled = np.empty_like(density)
            shuffled[np.argsort(cells, kind="stable")] = density[order]
            v = np.column_stack([demean(c, codes, tolerance=1e-6) for c in regressors(shuffled).T])
            bread = v.T @ v
            if np.diag(bread).min() > 1e-10 and np.linalg.cond(bread) < 1e12:
                null.append(float(np.linalg.solve(bread, v.T @ residual)[-1]))
        centre = float(np.mean(null)) if null else np.nan
        rows.append(
            {
                "term": term, "estimate": float(b[-1]), "se": float(se[-1]), "permuted_mean": centre,
                "permuted_sd": float(np.std(null, ddof=1)) if len(null) > 1 else np.nan,
                "permutation_p": (1 + sum(abs(d - centre) >= abs(b[-1] - centre) for d in null)) / (1 + len(null)) if null and np.isfinite(b[-1]) else np.nan,
                "n": len(frame), "null_reason": "no variation of density within the effects" if np.isnan(b[-1]) else None,
            }
        )  # fmt: skip
    return pd.DataFrame(rows, columns=["term", "estimate", "se", "permuted_mean", "permuted_sd", "permutation_p", "n", "null_reason"])
