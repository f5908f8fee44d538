"""What established tools take for the tables of `make panel`, and how far their values lie from ours: `python bench/peers.py panel out`.

Run by an interpreter that has the tools (a virtual environment of its own: esda, libpysal, lifelines, pyfixest, csdid, ecomplexity, scikit-learn, pyarrow,
pandas), never a dependency of the project. Prints one JSON line a tool: table, tool, seconds, and the largest difference where values can be compared.
Belongs here: calls of the tools as their documents have them. Does not belong here: anything of the project's own code.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

warnings.simplefilter("ignore")
PANEL, OUT = Path(sys.argv[1]), Path(sys.argv[2])


def ours(name: str) -> pd.DataFrame:
    return pd.read_parquet(OUT / f"{name}.parquet")


PLANTS, YEARS, CITIES = (pd.read_csv(PANEL / f"{n}.csv", dtype={"city_id": str, "plant_id": str, "segment_id": str}) for n in ("plants", "plant_year", "cities"))
CITIES = CITIES.sort_values("city_id").reset_index(drop=True)
ALL = YEARS.merge(PLANTS, on="plant_id")
LAST = int(ALL["year"].max())
NOW = ALL[ALL["year"] == LAST]


def cities_of(year: int) -> np.ndarray:
    return ALL[ALL["year"] == year].groupby("city_id")["employment"].sum().reindex(CITIES["city_id"]).fillna(0).to_numpy()


def esda_spatial() -> float:
    from esda.getisord import G_Local
    from esda.moran import Moran, Moran_Local
    from libpysal.weights import KNN

    nearest = 8 if len(CITIES) >= 40 else max(1, len(CITIES) // 5)
    weights = KNN.from_array(CITIES[["lon", "lat"]].to_numpy(), k=nearest, distance_metric="Arc", radius=6371.0088)
    mine = ours("spatial_association")
    worst = 0.0
    for year in sorted(ALL["year"].unique()):
        for variable, x in (("employment", cities_of(year)), ("log1p_employment", np.log1p(cities_of(year)))):
            weights.transform = "r"
            Moran(x, weights, permutations=0)
            local = Moran_Local(x, weights, permutations=9999 if year == LAST else 999, seed=1)
            weights.transform = "b"
            star = G_Local(x, weights, transform="B", star=True, permutations=0)
            have = mine[(mine["year"] == year) & (mine["variable"] == variable)].set_index("city_id").loc[CITIES["city_id"]]
            worst = max(worst, float(np.abs(have["local_moran_i"] - local.Is).max()), float(np.abs(have["gistar_z"] - star.Zs).max()))
    return worst


def lifelines_survival() -> float:
    from lifelines import KaplanMeierFitter

    first = int(ALL["year"].min())
    part = PLANTS[(PLANTS["entry_year"] >= first) & (PLANTS["entry_year"] <= LAST)]
    ended = part["exit_year"].notna() & (part["exit_year"] <= LAST)
    fit = KaplanMeierFitter().fit(np.where(ended, part["exit_year"], LAST + 1) - part["entry_year"], ended)
    mine = ours("survival").set_index("t_years")
    return float(np.abs(fit.survival_function_["KM_estimate"].loc[mine.index.astype(float)].to_numpy() - mine["survival"].to_numpy()).max())


def pyfixest_branching() -> float:
    import pyfixest as pf

    frame = ours("branching_panel").query("at_risk == 1").dropna(subset=["density"])
    frame = frame.assign(cy=frame["city_id"] + frame["year"].astype(str), sy=frame["segment_id"] + frame["year"].astype(str))
    fit = pf.feols("entry ~ density | cy + sy", frame, vcov={"CRV1": "city_id"})
    return abs(float(fit.coef().iloc[0]) - float(ours("branching").set_index("term").loc["density", "estimate"]))


def csdid_effect() -> float:
    from csdid.att_gt import ATTgt

    panel = pd.read_csv(PANEL / "policy_panel.csv")
    panel["unit"] = pd.factorize(panel["city_id"])[0] + 1
    with contextlib.redirect_stdout(io.StringIO()):
        fit = ATTgt(yname="y", gname="first_treat", idname="unit", tname="year", xformla="y~1", data=panel[["unit", "year", "first_treat", "y"]].astype(float), control_group=["notyettreated"]).fit(est_method="dr", bstrap=False)
        overall = fit.aggte(typec="simple", bstrap=False, cband=False).atte["overall_att"]
    mine = ours("policy_effect").query("estimator == 'callaway_santanna_nyt' and estimand == 'simple'")["estimate"].iloc[0]
    return abs(float(overall) - float(mine))


def ecomplexity_proximity() -> float | None:
    from ecomplexity import ecomplexity

    counts = ALL.groupby(["year", "city_id", "segment_id"])["employment"].sum().reset_index()
    names = {"time": "year", "loc": "city_id", "prod": "segment_id", "val": "employment"}
    with contextlib.redirect_stdout(io.StringIO()):
        found = ecomplexity(counts, names)
    both = found.merge(ours("location_quotient"), on=["year", "city_id", "segment_id"], suffixes=("_x", ""))
    return float((both["rca"] - both["lq_employment"]).abs().max())


def sklearn_clusters() -> None:
    from sklearn.cluster import DBSCAN, HDBSCAN

    for year in sorted(ALL["year"].unique()):
        points = np.radians(ALL[ALL["year"] == year][["lat", "lon"]].dropna().to_numpy())
        HDBSCAN(min_cluster_size=15, min_samples=6, metric="haversine", copy=True).fit(points)
        DBSCAN(eps=30 / 6371.0088, min_samples=5, metric="haversine").fit(points)


def exact_k_density() -> float:
    """One segment, every pair by its distance, as dbmss does it; 20 of the 200 draws that an envelope takes."""
    segment = sorted(NOW["segment_id"].unique())[0]
    part = NOW[NOW["segment_id"] == segment].sort_values("plant_id")
    lam, phi = np.radians(part["lon"].to_numpy()), np.radians(part["lat"].to_numpy())
    half = np.sin((phi[:, None] - phi) / 2) ** 2 + np.cos(phi[:, None]) * np.cos(phi) * np.sin((lam[:, None] - lam) / 2) ** 2
    pairs = (2 * 6371.0088 * np.arcsin(np.sqrt(half)))[np.triu_indices(len(part), 1)]
    mine = ours("k_density").query("segment_id == @segment").set_index("r_km")
    width = mine["bandwidth_km"].iloc[0]
    worst = 0.0
    for draw in range(20):
        for r in range(0, 201, 10):
            value = (np.exp(-0.5 * ((r - pairs) / width) ** 2) + np.exp(-0.5 * ((r + pairs) / width) ** 2)).mean() / (width * np.sqrt(2 * np.pi))
            if draw == 0:
                worst = max(worst, abs(value - mine.loc[float(r), "kd"]))
    return worst


TOOLS: list[tuple[str, str, Callable[[], float | None]]] = [
    ("spatial_association, spatial_summary", "esda", esda_spatial), ("survival", "lifelines", lifelines_survival),
    ("branching, without its null", "pyfixest", pyfixest_branching), ("policy_effect, Callaway-Sant'Anna alone", "csdid", csdid_effect),
    ("location_quotient, relatedness", "ecomplexity", ecomplexity_proximity), ("plant_cluster, without names over years", "scikit-learn", sklearn_clusters),
    ("k_density, one segment and 20 of 200 draws", "numpy", exact_k_density),
]  # fmt: skip

for table, tool, call in TOOLS:
    start = time.perf_counter()
    try:
        worst = call()
    except ImportError as error:
        print(json.dumps({"table": table, "tool": tool, "missing": str(error)}), flush=True)
        continue
    except Exception as error:  # a tool that fails is said, and the others go on
        print(json.dumps({"table": table, "tool": tool, "failed": f"{type(error).__name__}: {error}"[:200]}), flush=True)
        continue
    print(json.dumps({"table": table, "tool": f"{tool} {importlib.metadata.version(tool)}", "seconds": round(time.perf_counter() - start, 2), "largest_difference": worst}), flush=True)
