"""The science of the Python models gives the same bits whatever the order of the rows that it is given.

Belongs here: each function twice, on a frame and on the frame with its rows in another order. Does not belong here: whether its
numbers are right (tests/test_oracles.py).
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from tests.conftest import REPO

sys.path.insert(0, str(REPO / "dbt_project" / "python"))
from evatlas_science import above, at_least, branching, clusters, diffusion, effects, kdensity, quotients

from tests.test_effects import draw

RNG = np.random.default_rng(11)
N = 120
POINTS = pd.DataFrame({
    "plant_id": [f"p{i:03d}" for i in range(N)], "segment_id": RNG.choice(["a", "b", "c"], N), "year": 2020, "size": RNG.lognormal(0, 1, N),
    "lon": 115 + RNG.choice([0, 2, 5], N) + RNG.normal(0, 0.2, N), "lat": 30 + RNG.choice([0, 3], N) + RNG.normal(0, 0.2, N),
})  # fmt: skip
COUNTS = pd.DataFrame([(f"c{c:02d}", s, y, int(RNG.poisson(2))) for c in range(25) for s in "abcd" for y in (2019, 2020)], columns=["city_id", "segment_id", "year", "plants"])
RISK = pd.DataFrame([(f"c{c:02d}", f"s{s}", y) for c in range(20) for s in range(8) for y in (2018, 2019, 2020)], columns=["city_id", "segment_id", "year"])
RISK = RISK.assign(density=RNG.random(len(RISK)), entry=RNG.integers(0, 2, len(RISK)), ice_city=RISK["city_id"] < "c10")
ADOPTION = pd.DataFrame({"instrument_id": ["x"] * 30 + ["y"] * 30, "city_id": [f"{i:06d}" for i in range(60)], "adopted_year": np.clip(np.round(RNG.normal(2014, 3, 60)), 2005, 2022)})
ADOPTION.loc[::7, "adopted_year"] = np.nan
PANEL = draw(5)[lambda d: d["city_id"].str[-1].isin(list("01245"))]
TWO_YEARS = pd.concat([POINTS, POINTS.assign(year=2021, lon=POINTS["lon"] + 0.01)])


@pytest.mark.parametrize(
    ("function", "frame"),
    [
        (kdensity.k_density, POINTS), (kdensity.m_inter, POINTS), (quotients.bootstrap, COUNTS), (branching.branching, RISK),
        (lambda f: diffusion.fits(f, 2023), ADOPTION), (clusters.plant_clusters, TWO_YEARS), (effects.effects, PANEL),
    ],
    ids=["k_density", "m_inter", "bootstrap", "branching", "diffusion", "clusters", "effects"],
)  # fmt: skip
def test_the_order_of_rows_changes_no_bit(function: Callable[[pd.DataFrame], pd.DataFrame], frame: pd.DataFrame) -> None:
    once = function(frame.reset_index(drop=True))
    again = function(frame.sample(frac=1, random_state=3).reset_index(drop=True))
    assert len(once) > 0 and once.select_dtypes("number").notna().any(axis=None)
    pd.testing.assert_frame_equal(once, again, check_exact=True)


def test_one_tolerance_for_sql_and_python() -> None:
    assert at_least(0.1 + 0.2, 0.3) and at_least(0.3, 0.1 + 0.2) and not above(0.1 + 0.2, 0.3)
    assert above(0.31, 0.3) and not at_least(0.29, 0.3) and not at_least(np.nan, 0.3) and not above(np.nan, 0.3)
    assert at_least(1e12, 1e12 + 100) and not at_least(1e12, 1e12 + 10_000)
    assert at_least(np.array([0.3, 0.2]), 0.3).tolist() == [True, False]
    assert 'tolerance: "1e-9"' in (REPO / "dbt_project" / "dbt_project.yml").read_text("utf-8")
