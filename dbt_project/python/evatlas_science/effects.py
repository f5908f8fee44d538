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

LEAST_TREATED = 8
LEAST_CONTROL = 3
COLUMNS = [
    "outcome", "instrument", "estimator", "estimand", "event_time", "estimate", "se", "lo", "hi", "p", "n_treated", "n_control",
    "cohorts", "design_grade", "pretrend_p", "warnings",
]  # fmt: skip
Z = 1.959963984540054


def effects(panel: pd.DataFrame) -> pd.DataFrame:
    """One row per outcome, instrument, estimator, estimand and event time (NULL for overall estimands).

    `panel`: outcome, instrument, city_id, province_id, year, first_treat (0 = never), treated, y."""
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


def estimate(base: dict, part: pd.DataFrame, always: int) -> list[dict]:
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
                "warnings": "; ".join([*notes, extra] if extra else notes), "design_grade": "C",
            }
        )  # fmt: skip

    groups = ATTgt(yname="y", gname="first_treat", idname="unit", tname="unit_year", xformla="y~1", data=data[["unit", "unit_year", "first_treat", "y"]].astype(float), control_group=["notyettreated"]).fit(est_method="dr", bstrap=False)
    simple = groups.aggte(typec="simple", bstrap=False, cband=False).atte
    dynamic = groups.aggte(typec="dynamic", bstrap=False, cband=False).atte
    events = np.asarray(dynamic["egt"], float)
    att, se = np.asarray(dynamic["att_egt"], float), np.asarray(dynamic["se_egt"], float).ravel()
    leads = (events < -1) & np.isfinite(se) & (se > 0)
    from scipy import stats

    pre = float(stats.chi2.sf(((att[leads] / se[leads]) ** 2).sum(), leads.sum())) if leads.any() else None
    add("callaway_santanna_nyt", "simple", None, float(simple["overall_att"]), float(np.asarray(simple["overall_se"]).ravel()[0]), pre=pre)
    add("callaway_santanna_nyt", "dynamic", None, float(dynamic["overall_att"]), float(np.asarray(dynamic["overall_se"]).ravel()[0]), pre=pre)
    for e, b, s in zip(events, att, se, strict=True):
        add("callaway_santanna_nyt", "event", float(e), b, s)
    data["rel"] = np.where(data["first_treat"] > 0, data["year"] - data["first_treat"], np.inf)
    data["treat"] = data["treated"].astype(float)
    static = pf.did2s(data, yname="y", first_stage="~0 | unit + year", second_stage="~treat", treatment="treat", cluster="unit")
    add("did2s", "simple", None, static.coef().iloc[0], static.se().iloc[0], static.pvalue().iloc[0])
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
