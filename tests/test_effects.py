"""Effects of adoption: a known effect is found and covered, a diagnostic known to be biased is, and grades follow rules.

Belongs here: simulated panels with a known truth. Does not belong here: what established tools computed (test_oracles).
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest

from tests.conftest import REPO

sys.path.insert(0, str(REPO / "dbt_project" / "python"))
from evatlas_science import effects as fx

YEARS = np.arange(2012, 2022)
FIRST = np.array([0] * 40 + [2014] * 20 + [2016] * 20 + [2018] * 20)


def effect_of(age: np.ndarray) -> np.ndarray:
    return np.where(age >= 0, 0.2 + 0.15 * np.maximum(age, 0), 0.0)


AGES = np.concatenate([YEARS[YEARS >= f] - f for f in FIRST if f > 0])
TRUTH = float(effect_of(AGES).mean())


def draw(seed: int, effect: bool = True, trend: float = 0.0) -> pd.DataFrame:
    """100 cities in 20 provinces over 10 years, staggered adoption, an effect that grows with time since adoption."""
    rng = np.random.default_rng(seed)
    first = FIRST
    level, year = rng.normal(0, 1, len(first)), rng.normal(0, 0.2, len(YEARS))
    age = np.where(first[:, None] > 0, YEARS[None, :] - first[:, None], -99)
    y = level[:, None] + year[None, :] + rng.normal(0, 0.3, (len(first), len(YEARS)))
    if effect:
        y = y + effect_of(age)
    y = y + trend * (YEARS - 2012)[None, :] * (first > 0)[:, None]
    return pd.DataFrame({
        "outcome": "y", "instrument": "any", "city_id": np.repeat([f"c{i:03d}" for i in range(len(first))], len(YEARS)),
        "province_id": np.repeat([f"p{i % 20:02d}" for i in range(len(first))], len(YEARS)), "year": np.tile(YEARS, len(first)),
        "first_treat": np.repeat(first, len(YEARS)), "treated": (age >= 0).astype(int).ravel(), "y": y.ravel(),
    })  # fmt: skip


def cell(result: pd.DataFrame, estimator: str, estimand: str) -> pd.Series:
    return result[(result["estimator"] == estimator) & (result["estimand"] == estimand)].iloc[0]


@pytest.fixture(scope="module")
def draws() -> list[pd.DataFrame]:
    return [fx.effects(draw(seed)) for seed in range(24)]


@pytest.mark.parametrize("estimator", ["callaway_santanna_nyt", "did2s"])
def test_monte_carlo_recovers_the_effect_and_covers_it(draws: list[pd.DataFrame], estimator: str) -> None:
    rows = [cell(d, estimator, "simple") for d in draws]
    estimates = np.array([r["estimate"] for r in rows])
    error = estimates.mean() - TRUTH
    assert abs(error) < 3 * estimates.std(ddof=1) / np.sqrt(len(rows)), (error, TRUTH)
    covered = sum(r["lo"] <= TRUTH <= r["hi"] for r in rows)
    assert covered >= 20, f"{covered} of 24 intervals of 95 % cover the truth"  # P(X < 20 | 24, 0.95) = 0.5 %
    assert np.mean([r["hi"] - r["lo"] for r in rows]) < 0.4


def test_two_way_fixed_effects_are_biased_here_and_say_so(draws: list[pd.DataFrame]) -> None:
    rows = [cell(d, "twfe", "simple") for d in draws]
    assert np.mean([r["estimate"] for r in rows]) < TRUTH - 0.15
    assert all("DIAGNOSTIC ONLY" in r["warnings"] for r in rows)


def test_balanced_event_times_rise_as_the_effect_does(draws: list[pd.DataFrame]) -> None:
    rows = pd.concat(d[d["estimand"] == "event_balanced"] for d in draws).groupby("event_time")["estimate"].mean()
    assert list(rows.index) == [0, 1, 2, 3, 4, 5]
    assert np.allclose(rows.to_numpy(), effect_of(np.arange(6)), atol=0.06)


def test_permutations_reject_an_effect_and_not_its_absence() -> None:
    assert fx.permutation_p(draw(1)) <= 0.01
    none = [fx.permutation_p(draw(seed, effect=False)) for seed in range(8)]
    assert min(none) > 0.005 and np.mean(none) > 0.2


def test_imputation_is_did2s(draws: list[pd.DataFrame]) -> None:
    part = draw(0)
    wide = part.pivot(index="city_id", columns="year", values="y").to_numpy(float)
    treated = part.pivot(index="city_id", columns="year", values="treated").to_numpy(float)
    assert fx.imputed_att(wide, treated) == pytest.approx(cell(draws[0], "did2s", "simple")["estimate"], abs=1e-8)


def test_a_pre_trend_is_found_and_costs_the_grade() -> None:
    good, bad = fx.effects(draw(3)), fx.effects(draw(3, trend=0.15))
    assert cell(bad, "callaway_santanna_nyt", "simple")["pretrend_p"] < 0.01
    assert set(bad["design_grade"]) == {"D"}
    assert set(good["design_grade"]) <= {"B", "C"}
    assert 0 < cell(good, "callaway_santanna_nyt", "simple")["pretrend_slope_detectable"] < 0.2
    leads = bad[bad["estimand"] == "lead_long"].set_index("event_time")["estimate"]
    assert list(leads.index) == [-6, -5, -4, -3, -2] and np.allclose(leads, 0.15 * (leads.index + 1), atol=0.2)


def test_the_pre_test_rejects_at_its_level_and_has_the_power_it_states() -> None:
    """Correlated leads drawn with a known covariance: what a test that takes them as independent gets wrong."""
    rng = np.random.default_rng(1)
    n, events = 100, np.arange(-6.0, 3)
    root = np.tril(np.full((9, 9), 0.4)) + 0.2 * np.eye(9)

    def p_values(slope: float) -> np.ndarray:
        found = []
        for _ in range(400):
            cities = rng.normal(size=(n, 9)) @ root.T
            found.append(fx.pretest(events, cities.mean(axis=0) + slope * (events + 1), cities - cities.mean(axis=0))[0])
        return np.array(found)

    cities = rng.normal(size=(20_000, 9)) @ root.T
    slope = fx.pretest(events, np.zeros(9), cities * np.sqrt(20_000 / n))[1]
    assert 0.025 < (p_values(0.0) < 0.05).mean() < 0.085
    assert 0.7 < (p_values(slope) < 0.05).mean() < 0.9


def test_grades_never_claim_an_experiment() -> None:
    base = {"cohorts": 5, "n_treated": 200, "n_control": 200}
    assert fx.grade(base, 0.9, 0.0001, 10.0) == "B"
    assert fx.grade({**base, "cohorts": 2}, 0.9, 0.0001, 10.0) == "D"
    assert fx.grade({**base, "n_treated": 12}, 0.9, 0.0001, 10.0) == "C"
    assert fx.grade(base, 0.9, 5.0, 10.0) == "C"
    assert fx.grade(base, 0.01, 0.0001, 10.0) == "D"


def test_spillovers_are_looked_for_where_places_have_coordinates() -> None:
    part = draw(5)
    rng = np.random.default_rng(0)
    cities = part["city_id"].unique()
    where = {c: (100 + 20 * rng.random(), 22 + 20 * rng.random()) for c in cities}
    # ten never-adopters stand beside adopters of 2014 and gain half as much
    for never, adopter in zip(cities[:10], cities[40:50], strict=True):
        where[never] = (where[adopter][0] + 0.1, where[adopter][1] + 0.1)
    part["lon"], part["lat"] = part["city_id"].map(lambda c: where[c][0]), part["city_id"].map(lambda c: where[c][1])
    near = part["city_id"].isin(cities[:10]) & (part["year"] >= 2014)
    part.loc[near, "y"] += 0.6
    ring = cell(fx.effects(part), "did2s_exposure", "ring_100km")
    assert ring["lo"] < 0.6 * 10 / max(10, fx.exposed(part).reshape(len(cities), -1).any(axis=1).sum()) + 0.35
    assert ring["estimate"] > 0.1 and ring["p"] < 0.05
    assert fx.exposed(part.drop(columns=["lon"])) is None


@pytest.mark.parametrize(("change", "words"), [
    (lambda p: p[p["city_id"] > "c090"], "too thin"),
    (lambda p: p.assign(covered=False), "a selection"),
    (lambda p: p[~((p["city_id"] == "c001") & (p["year"] == 2015))], "not balanced"),
])  # fmt: skip
def test_where_the_data_are_too_thin_it_says_so_and_prints_no_number(change, words: str) -> None:
    result = fx.effects(change(draw(2)))
    assert len(result) == 1 and pd.isna(result["estimate"].iloc[0]) and result["design_grade"].iloc[0] == "none"
    assert words in result["warnings"].iloc[0]


def test_balanced_event_times_hold_the_same_cohorts() -> None:
    """The cohort of 2018 is seen for three years only: its jump must move the plain event times, and no balanced one."""
    part = draw(4)
    part.loc[(part["first_treat"] == 2018) & (part["treated"] == 1), "y"] += 5
    result = fx.effects(part)
    plain, balanced = (result[(result["estimator"] == "callaway_santanna_nyt") & (result["estimand"] == e)].set_index("event_time")["estimate"] for e in ("event", "event_balanced"))
    assert plain[0] > 1.5 and balanced[0] < 0.6 and list(balanced.index) == [0, 1, 2, 3, 4, 5]
