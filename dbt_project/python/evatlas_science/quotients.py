"""Bootstrap of location quotients: percentile intervals and a cut-off for "specialised".

Belongs here: what needs resampling. Does not belong here: the quotient, its exact test and its Wilson interval (SQL has those).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from evatlas_science import SEED, above

DRAWS = 999
LEAST_PLANTS = 5  # a city below this may not shape the cut-off: one plant of a rare segment gives a quotient of dozens
LEAST_CITIES = 10
COLUMNS = ["city_id", "segment_id", "year", "lq_plants", "lo", "hi", "cutoff_95", "above_cutoff", "null_reason"]


def bootstrap(counts: pd.DataFrame) -> pd.DataFrame:
    """One row per city with plants, segment with plants, and year.

    `counts`: city_id, segment_id, year, plants. Intervals: the plants of every city are drawn again with replacement, 999 times
    (seeded), and the quotient is taken anew, the nation's shares among the draws; 2.5 and 97.5 percentiles. They are wide where
    few plants stand, and cannot show what a city might have had: a count of 0 stays 0 in every draw (the Wilson interval of
    location_quotient does better there). One plant: NULL. Cut-off (Tian 2013): mean over 999 draws of cities of the 95th
    percentile of the segment's quotients, over cities with 5 plants or more; NULL below 10 such cities."""
    rows = []
    for year, part in counts.groupby("year", sort=True):
        wide = part.pivot(index="city_id", columns="segment_id", values="plants").fillna(0).sort_index().sort_index(axis=1)
        wide = wide.loc[wide.sum(axis=1) > 0, wide.sum(axis=0) > 0]
        if wide.empty:
            continue
        k = wide.to_numpy().astype(np.int64)
        n = k.sum(axis=1)
        random = np.random.default_rng(SEED + int(year))
        drawn = np.stack([random.multinomial(size, share, DRAWS) for size, share in zip(n, k / n[:, None], strict=True)], axis=1)  # draws, cities, segments
        nation = drawn.sum(axis=1) / n.sum()
        with np.errstate(divide="ignore", invalid="ignore"):
            quotient = drawn / n[None, :, None] / nation[:, None, :]
            observed = k / n[:, None] / (k.sum(axis=0) / n.sum())
        quotient = np.where(np.isfinite(quotient), quotient, 0.0)  # a draw without the segment anywhere: none here either
        low, high = np.percentile(quotient, [2.5, 97.5], axis=0)
        single = n == 1
        low[single], high[single] = np.nan, np.nan
        large = n >= LEAST_PLANTS
        cutoff = np.full(k.shape[1], np.nan)
        if large.sum() >= LEAST_CITIES:
            chosen = random.integers(0, large.sum(), (DRAWS, int(large.sum())))
            cutoff = np.percentile(observed[large][chosen], 95, axis=1).mean(axis=0)
        beyond = np.where(np.isnan(cutoff)[None, :], np.nan, above(observed, cutoff[None, :]))
        c, s = np.meshgrid(np.arange(len(n)), np.arange(k.shape[1]), indexing="ij")
        rows.append(
            pd.DataFrame(
                {
                    "city_id": wide.index.to_numpy()[c.ravel()], "segment_id": wide.columns.to_numpy()[s.ravel()], "year": int(year),
                    "lq_plants": observed.ravel(), "lo": low.ravel(), "hi": high.ravel(), "cutoff_95": np.broadcast_to(cutoff, k.shape).ravel(),
                    "above_cutoff": beyond.ravel(), "null_reason": np.where(single, "one plant in the city: no interval", None)[c.ravel()],
                }
            )
        )  # fmt: skip
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=COLUMNS)
