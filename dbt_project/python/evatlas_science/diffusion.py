"""How fast an instrument spreads among places: the logistic curve of Griliches (1957).

Belongs here: the fit and when there is none. Does not belong here: who adopted when (SQL), Kaplan-Meier (SQL).
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd

from evatlas_science import at_least

MIN_ADOPTERS = 5
MIN_YEARS = 4
AT_BOUND = 0.99


def logistic(year: np.ndarray, ceiling: float, growth: float, midyear: float) -> np.ndarray:
    """Cumulative adopters: ceiling / (1 + exp(-growth (year - midyear)))."""
    return ceiling / (1.0 + np.exp(-growth * (year - midyear)))


def fit(years: np.ndarray, adopters: np.ndarray, places: int) -> dict[str, float | str | None]:
    """Least squares of cumulative adopters (n,) on years (n,), the ceiling between 1 and the number of places.

    Out: ceiling (places), growth (per year), midyear (year in which half the ceiling has adopted), rmse (places), or all
    None with `null_reason`: fewer than 5 adopters, fewer than 4 years with an adoption, no convergence, or a ceiling at
    its upper bound (the curve is still steep: how many will adopt is not identified)."""
    from scipy.optimize import curve_fit

    empty: dict[str, float | str | None] = {"ceiling": None, "growth": None, "midyear": None, "rmse": None}
    total = int(adopters[-1]) if len(adopters) else 0
    if total < MIN_ADOPTERS:
        return {**empty, "null_reason": f"fewer than {MIN_ADOPTERS} adopters"}
    if len(np.unique(adopters[adopters > 0])) < MIN_YEARS:
        return {**empty, "null_reason": f"adoption in fewer than {MIN_YEARS} years"}
    x = years.astype(float)
    half = float(np.interp(total / 2, adopters, x))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a covariance that is not used
            (ceiling, growth, midyear), _ = curve_fit(
                logistic, x, adopters.astype(float), p0=(min(total * 1.1, places * 0.95), 0.5, half),
                bounds=((1.0, 0.01, x[0] - 20), (float(places), 5.0, x[-1] + 20)), maxfev=5_000,
            )  # fmt: skip
    except (RuntimeError, ValueError):
        return {**empty, "null_reason": "the fit does not converge"}
    if at_least(ceiling, AT_BOUND * places):
        return {**empty, "null_reason": "the ceiling is not identified: the fit takes every place that could adopt"}
    error = logistic(x, ceiling, growth, midyear) - adopters
    return {
        "ceiling": float(ceiling), "growth": float(growth), "midyear": float(midyear),
        "rmse": float(np.sqrt(np.mean(error**2))), "null_reason": None,
    }  # fmt: skip


def fits(adoption: pd.DataFrame, last_year: int) -> pd.DataFrame:
    """A fit for each instrument. In: instrument_id, city_id, adopted_year (NULL where not adopted). Out: instrument_id,
    ceiling, growth, midyear, rmse, n_adopters, null_reason."""
    rows = []
    for instrument, group in adoption.groupby("instrument_id", sort=True):
        adopted = group["adopted_year"].dropna().astype(int)
        first = int(adopted.min()) if len(adopted) else last_year
        years = np.arange(first - 1, last_year + 1)
        cumulative = np.array([(adopted <= year).sum() for year in years])
        rows.append({"instrument_id": instrument, "n_adopters": len(adopted), **fit(years, cumulative, len(group))})
    return pd.DataFrame(rows, columns=["instrument_id", "ceiling", "growth", "midyear", "rmse", "n_adopters", "null_reason"])
