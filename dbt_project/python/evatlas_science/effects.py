"""Effects of adoption on outcomes of cities: staggered difference in differences, with its warnings.

Belongs here: estimators over well-kept libraries (csdid, pyfixest) and the rules that say when not to estimate. Does not
belong here: the panel itself (SQL), nor any causal claim: `design_grade` says how far a design goes.
Primary: Callaway and Sant'Anna (2021) with not-yet-treated controls. Beside it: did2s (Gardner 2021) and the saturated
event study (Sun and Abraham 2021). Two-way fixed effects are printed as a diagnostic only: under staggered, growing
effects they are biased (docs/methods.md).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from evatlas_science import SEED, above, at_least
from evatlas_science.geo import distances_km

LEAST_TREATED = 8
LEAST_CONTROL = 3
LONGEST_EVENT = 5  # years after adoption of the balanced event study, where at least two cohorts are seen that long
RING_KM = 100.0
PERMUTATIONS = 499
COLUMNS = [
    "outcome", "instrument", "estimator", "estimand", "event_time", "estimate", "se", "lo", "hi", "p", "n_treated", "n_control",
    "cohorts", "design_grade", "pretrend_p", "pretrend_slope_detectable", "permutation_p", "warnings",
]  # fmt: skip
Z = 1.959963984540054


def effects(panel: pd.DataFrame) -> pd.DataFrame:
    """One row per outcome, instrument, estimator, estimand and event time (NULL for overall estimands).

    `panel`: outcome, instrument, city_id, province_id, year, first_treat (0 = never), treated, y; lon and lat (degrees) where
    spillovers to places within 100 km shall be looked at. `permutation_p`: share of 499 seeded permutations of the
    adoption dates over cities whose estimate is at least as large. `pretrend_slope_detectable`: the linear trend a year
    before adoption that the test of the leads would find with power 0.8; a test that finds nothing says no more than that."""
    rows: list[dict] = []
    for (outcome, instrument), part in panel.groupby(["outcome", "instrument"], sort=True):
        rows += one(str(outcome), str(instrument), part.sort_values(["city_id", "year"]).reset_index(drop=True))
    return pd.DataFrame(rows, columns=COLUMNS)


def one(outcome: str, instrument: str, part: pd.DataFrame) -> list[dict]:
    units = part.groupby("city_id")["first_treat"].first()
    first, last = int(part["year"].min()), int(part["year"].max())
    always = int(((units > 0) & (units <= first)).sum())
    treated = units[(units > first) & (units <= last)]
    control = int(((units == 0) | (units > last)).sum())
    base = {
        "outcome": outcome, "instrument": instrument, "n_treated": len(treated), "n_control": control,
        "cohorts": int(treated.nunique()), "event_time": None,
    }  # fmt: skip
    reason = None
    if "covered" in part and not part["covered"].all():
        # a hand-picked set of documents dates the adoptions that somebody noticed; the others are not "never treated"
        reason = "documents of these places are a selection, not a covered base: adoption is unknown where none was picked"
    elif len(treated) < LEAST_TREATED or treated.nunique() < 2:
        reason = f"too thin: {len(treated)} adopters in {treated.nunique()} cohorts (least {LEAST_TREATED} in 2)"
    elif control < LEAST_CONTROL and treated.nunique() < 3:
        reason = f"too thin: {control} cities that never adopt"
    elif len(part) != len(units) * (last - first + 1):
        reason = "the panel is not balanced"
    if reason:
        return [{**base, "estimator": "callaway_santanna_nyt", "estimand": "simple", "design_grade": "none", "warnings": reason}]
    import contextlib
    import io
    import warnings as python_warnings

    # csdid prints its tables; dbt's log is no place for them
    with python_warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        python_warnings.simplefilter("ignore")
        return estimate(base, part, always)


def imputed_att(y: np.ndarray, treated: np.ndarray) -> float:
    """Mean effect on the treated by imputation (Gardner 2021; Borusyak, Jaravel and Spiess 2024): unit and year effects from
    the untreated cells alone, then the mean of what is left in the treated ones. `y`, `treated`: (units, years).
    NaN where no treated cell can be imputed. The same number as did2s without covariates, in a hundredth of its time."""
    clean = 1.0 - treated
    per_unit = clean.sum(axis=1)
    seen = per_unit > 0
    y, treated, clean, per_unit = y[seen], treated[seen], clean[seen], per_unit[seen]
    share = clean / per_unit[:, None]
    left = np.diag(clean.sum(axis=0)) - clean.T @ share
    right = (clean * y).sum(axis=0) - share.T @ (clean * y).sum(axis=1)
    year = np.linalg.lstsq(left, right, rcond=None)[0]
    unit = (clean * (y - year)).sum(axis=1) / per_unit
    cells = (treated > 0) & (clean.sum(axis=0) > 0)[None, :]
    return float((y - unit[:, None] - year[None, :])[cells].mean()) if cells.any() else float("nan")


def permutation_p(part: pd.DataFrame) -> float:
    """Two-sided p of the imputed effect under permutations of the adoption dates over cities: what the same dates would have
    given, had they fallen on other cities."""
    wide = part.pivot(index="city_id", columns="year", values="y").to_numpy(float)
    years = np.sort(part["year"].unique())
    first = part.groupby("city_id")["first_treat"].first().to_numpy()

    def att(dates: np.ndarray) -> float:
        return imputed_att(wide, ((dates[:, None] > 0) & (years[None, :] >= dates[:, None])).astype(float))

    observed = abs(att(first))
    random = np.random.default_rng(SEED)
    draws = np.array([abs(att(random.permutation(first))) for _ in range(PERMUTATIONS)])
    return float((1 + (draws >= observed - 1e-12).sum()) / (1 + PERMUTATIONS))


def pretest(events: np.ndarray, att: np.ndarray, influence: np.ndarray) -> tuple[float | None, float | None]:
    """Joint test of the leads, and the linear trend a year that it finds with power 0.8 at 5 %.

    `events`, `att` (k,): event times and effects as long differences from the last year before adoption; `influence` (n, k): their
    influence functions over n cities. Leads share the base year and the control cities, so their covariance is taken whole:
    Hotelling's T2 = a' V^-1 a with V = F'F / n^2, against F(q, n - q). Short differences taken as independent miss a steady
    trend, which moves each of them a little (Roth 2022 on what a passed test is worth). (None, None) without leads."""
    from scipy import optimize, stats

    leads = (events < -1) & (np.abs(influence).sum(axis=0) > 0)
    n, q = len(influence), int(leads.sum())
    if q == 0 or n - q < 2:
        return None, None
    covariance = influence[:, leads].T @ influence[:, leads] / n**2
    if np.linalg.cond(covariance) > 1e12:
        return None, None
    scale = (n - q) / (q * (n - 1))
    p = float(stats.f.sf(scale * float(att[leads] @ np.linalg.solve(covariance, att[leads])), q, n - q))
    distance = events[leads] + 1
    per_slope = float(distance @ np.linalg.solve(covariance, distance))
    critical = stats.f.isf(0.05, q, n - q)
    needed = optimize.brentq(lambda nc: stats.ncf.sf(critical, q, n - q, nc) - 0.8, 1e-6, 1e4)
    return p, float(np.sqrt(needed / per_slope))


def grade(base: dict, pretrend: float | None, slope: float | None, effect: float) -> str:
    """How far the design goes. A is never given: it would need an assignment that cities do not choose. B: 20 adopters or more in
    3 cohorts, 10 controls, leads that do not reject at 10 %, and power for a trend of a quarter of the effect a year. D: leads that
    reject at 5 %, or fewer than 3 cohorts. Else C."""
    if base["cohorts"] < 3 or (pretrend is not None and not at_least(pretrend, 0.05)):
        return "D"
    if base["n_treated"] >= 20 and base["n_control"] >= 10 and pretrend is not None and above(pretrend, 0.1) and slope is not None and at_least(abs(effect) / 4, slope):
        return "B"
    return "C"


def exposed(part: pd.DataFrame) -> np.ndarray | None:
    """For each row: an adopter within 100 km, while the city itself has not adopted. None without coordinates."""
    if "lon" not in part or part["lon"].isna().any():
        return None
    cities = part.groupby("city_id", sort=True)[["lon", "lat", "first_treat"]].first()
    near = distances_km(cities["lon"].to_numpy(float), cities["lat"].to_numpy(float)) <= RING_KM
    np.fill_diagonal(near, False)
    first = cities["first_treat"].to_numpy(float)
    first[first <= 0] = np.inf
    reached = np.where(near, first[None, :], np.inf).min(axis=1)
    by_city = pd.Series(reached, index=cities.index)
    return ((part["year"].to_numpy() >= by_city.loc[part["city_id"]].to_numpy()) & (part["treated"].to_numpy() == 0)).astype(float)


def estimate(base: dict, part: pd.DataFrame, always: int) -> list[dict]:  # noqa: C901 - one estimator after the other, on the same data and for one table
    import pyfixest as pf
    from csdid.att_gt import ATTgt

    rows: list[dict] = []
    notes = ["not a causal estimate: adoption is chosen by cities"]
    if always:
        notes.append(f"{always} cities adopted before the panel begins and are dropped by Callaway-Sant'Anna")
    data = part.assign(unit=pd.factorize(part["city_id"])[0] + 1, unit_year=part["year"], y=part["y"].astype(float))

    def add(estimator: str, estimand: str, event: float | None, b: float, se: float, p: float | None = None, extra: str = "", pre: float | None = None) -> None:
        from scipy import stats

        value = float(p) if p is not None else float(2 * stats.norm.sf(abs(b / se))) if se and np.isfinite(se) else np.nan
        rows.append(
            {
                **base, "estimator": estimator, "estimand": estimand, "event_time": event, "estimate": float(b), "se": float(se),
                "lo": float(b - Z * se), "hi": float(b + Z * se), "p": value, "pretrend_p": pre,
                "warnings": "; ".join([*notes, extra] if extra else notes), "design_grade": letter,
            }
        )  # fmt: skip

    letter = "C"
    columns = {
        "yname": "y", "gname": "first_treat", "idname": "unit", "tname": "unit_year", "xformla": "y~1", "control_group": ["notyettreated"],
        "data": data[["unit", "unit_year", "first_treat", "y"]].astype(float),
    }  # fmt: skip
    groups = ATTgt(**columns).fit(est_method="dr", bstrap=False)
    simple = groups.aggte(typec="simple", bstrap=False, cband=False).atte
    dynamic = groups.aggte(typec="dynamic", bstrap=False, cband=False).atte
    events = np.asarray(dynamic["egt"], float)
    att, se = np.asarray(dynamic["att_egt"], float), np.asarray(dynamic["se_egt"], float).ravel()
    long = ATTgt(**columns).fit(est_method="dr", bstrap=False, base_period="universal").aggte(typec="dynamic", bstrap=False, cband=False).atte
    long_events, long_att = np.asarray(long["egt"], float), np.asarray(long["att_egt"], float)
    long_se = np.asarray(long["se_egt"], float).ravel()
    pre, slope = pretest(long_events, long_att, np.asarray(long["inf_function"]["dynamic_inf_func_e"], float))
    letter = grade(base, pre, slope, float(simple["overall_att"]))
    add("callaway_santanna_nyt", "simple", None, float(simple["overall_att"]), float(np.asarray(simple["overall_se"]).ravel()[0]), pre=pre)
    add("callaway_santanna_nyt", "dynamic", None, float(dynamic["overall_att"]), float(np.asarray(dynamic["overall_se"]).ravel()[0]), pre=pre)
    for e, b, s in zip(events, att, se, strict=True):
        add("callaway_santanna_nyt", "event", float(e), b, s)
    rows[-1 - len(events) - 1]["pretrend_slope_detectable"] = rows[-1 - len(events)]["pretrend_slope_detectable"] = slope
    for e, b, s in zip(long_events, long_att, long_se, strict=True):
        if e < -1 and np.isfinite(s):
            add("callaway_santanna_nyt", "lead_long", float(e), b, s, extra="difference from the last year before adoption")
    last = int(data["year"].max())
    longest = min(LONGEST_EVENT, int(last - np.sort(np.unique(data.loc[data["treated"] > 0, "first_treat"]))[1]))
    if longest >= 1:  # the same cohorts at every event time: what changes is time, not who is seen
        balanced = groups.aggte(typec="dynamic", balance_e=longest, bstrap=False, cband=False).atte
        for e, b, s in zip(np.asarray(balanced["egt"], float), np.asarray(balanced["att_egt"], float), np.asarray(balanced["se_egt"], float).ravel(), strict=True):
            if 0 <= e <= longest:
                add("callaway_santanna_nyt", "event_balanced", float(e), b, s, extra=f"cohorts seen for {longest} years after adoption")
    data["rel"] = np.where(data["first_treat"] > 0, data["year"] - data["first_treat"], np.inf)
    data["treat"] = data["treated"].astype(float)
    static = pf.did2s(data, yname="y", first_stage="~0 | unit + year", second_stage="~treat", treatment="treat", cluster="unit")
    add("did2s", "simple", None, static.coef().iloc[0], static.se().iloc[0], static.pvalue().iloc[0])
    rows[-1]["permutation_p"] = permutation_p(part)
    provinces = data["province_id"].nunique()
    if provinces > 5:
        wide = pf.did2s(data.assign(cluster=pd.factorize(data["province_id"])[0]), yname="y", first_stage="~0 | unit + year", second_stage="~treat", treatment="treat", cluster="cluster")
        add("did2s_by_province", "simple", None, wide.coef().iloc[0], wide.se().iloc[0], wide.pvalue().iloc[0], f"errors clustered by {provinces} provinces")
    ring = exposed(part)
    if ring is not None and ring.sum() >= 10:
        near = data.assign(ring=ring, touched=np.maximum(data["treat"], ring))
        try:
            both = pf.did2s(near, yname="y", first_stage="~0 | unit + year", second_stage="~treat + ring", treatment="touched", cluster="unit")
            for term, name in (("treat", "simple"), ("ring", f"ring_{RING_KM:.0f}km")):
                add("did2s_exposure", name, None, both.coef()[term], both.se()[term], both.pvalue()[term], f"effects of units and years from cities neither adopting nor within {RING_KM:.0f} km of an adopter")
        except (ValueError, np.linalg.LinAlgError) as error:
            rows.append({**base, "estimator": "did2s_exposure", "estimand": f"ring_{RING_KM:.0f}km", "design_grade": "none", "warnings": f"not estimated: {type(error).__name__}: too few untouched cities"})
    saturated = pf.event_study(data, yname="y", idname="unit", tname="year", gname="first_treat", estimator="saturated")
    table = saturated.aggregate()
    for event, row in table.iterrows():
        add("sun_abraham", "event", float(event), float(row["Estimate"]), float(row["Std. Error"]))
    twfe = pf.feols("y ~ treat | unit + year", data, vcov={"CRV1": "unit"})
    add("twfe", "simple", None, twfe.coef().iloc[0], twfe.se().iloc[0], twfe.pvalue().iloc[0], "DIAGNOSTIC ONLY: biased under staggered adoption")
    if data["province_id"].nunique() > 5:
        by_province = pf.feols("y ~ treat | unit + year", data, vcov={"CRV1": "province_id"})
        add("twfe_by_province", "simple", None, by_province.coef().iloc[0], by_province.se().iloc[0], by_province.pvalue().iloc[0], "DIAGNOSTIC ONLY: errors clustered by province")
    return rows
