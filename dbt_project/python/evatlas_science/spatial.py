"""Moran's I, local Moran, Geary's C and Gi* with k nearest neighbours (Anselin 1995; Ord and Getis 1995).

Belongs here: the statistics and their inference, in numpy: esda compiles with numba for 25 s at first use, and
gives the same numbers (tests/test_oracles.py). Does not belong here: the choice of variables.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from evatlas_science import SEED


def fdr(p: np.ndarray) -> np.ndarray:
    """Benjamini-Hochberg adjusted p (scipy), same shape."""
    return np.asarray(stats.false_discovery_control(p, method="bh"))


def moran(x: np.ndarray, near: np.ndarray) -> dict[str, float]:
    """Global Moran and Geary of x (n,) on row-standardised weights over `near` (n, k).

    Gives moran_i, expected_i, z and two-sided p under randomisation (Cliff and Ord 1981), geary_c. Raises
    ValueError when x does not vary."""
    n, k = near.shape
    z = x - x.mean()
    total = float(z @ z)
    if total == 0:
        raise ValueError("the variable does not vary")
    lag = z[near].mean(axis=1)
    i = float(z @ lag) / total  # n / s0 = 1 for row-standardised weights
    w = np.zeros((n, n))
    np.put_along_axis(w, near, 1 / k, axis=1)
    s0, s1 = float(n), float(((w + w.T) ** 2).sum() / 2)
    s2 = float(((w.sum(axis=1) + w.sum(axis=0)) ** 2).sum())
    expected = -1 / (n - 1)
    kurtosis = float((z**4).sum() / n / (total / n) ** 2)
    a = n * ((n * n - 3 * n + 3) * s1 - n * s2 + 3 * s0 * s0)
    b = kurtosis * ((n * n - n) * s1 - 2 * n * s2 + 6 * s0 * s0)
    variance = (a - b) / ((n - 1) * (n - 2) * (n - 3) * s0 * s0) - expected**2
    score = (i - expected) / np.sqrt(variance)
    geary = (n - 1) * float((w * (x[:, None] - x[None, :]) ** 2).sum()) / (2 * s0 * total)
    return {
        "moran_i": i,
        "expected_i": expected,
        "z": float(score),
        "p": float(2 * stats.norm.sf(abs(score))),
        "geary_c": geary,
    }


def local_moran(x: np.ndarray, near: np.ndarray, permutations: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Local Moran (n,), quadrant (1 HH, 2 LH, 3 LL, 4 HL) and its pseudo p by conditional permutation.

    The permutations of a place draw its k neighbours from all other places, seeded; the p is one-sided towards the
    nearer tail, as esda has it."""
    n, k = near.shape
    z = (x - x.mean()) / x.std()
    lag = z[near].mean(axis=1)
    local = (n - 1) / n * z * lag
    quadrant = np.select([(z > 0) & (lag > 0), (z <= 0) & (lag > 0), (z <= 0) & (lag <= 0)], [1, 2, 3], 4)
    random = np.random.default_rng(SEED)
    # one draw of positions serves every place: each sees the others in its own order
    draws = np.argpartition(random.random((permutations, n - 1)), min(k, n - 2), axis=1)[:, :k]
    p = np.empty(n)
    for place in range(n):
        others = np.delete(z, place)
        shuffled = (n - 1) / n * z[place] * others[draws].mean(axis=1)
        larger = int((shuffled >= local[place]).sum())
        larger = min(larger, permutations - larger)
        p[place] = (larger + 1) / (permutations + 1)
    return local, quadrant, p


def gi_star(x: np.ndarray, near: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """z of Gi* (n,) with binary weights and the place itself among its neighbours, and its two-sided p."""
    n, k = near.shape
    count = k + 1
    spread = np.sqrt((x**2).mean() - x.mean() ** 2)
    score = (x[near].sum(axis=1) + x - count * x.mean()) / (spread * np.sqrt((n * count - count**2) / (n - 1)))
    return score, 2 * stats.norm.sf(np.abs(score))
