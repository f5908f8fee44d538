"""A panel that is nothing like the one the oracles were computed on, against formulas written out again in numpy.

Heavy tails, a city with one plant, an empty city, a segment that comes late, ties, years with gaps, unsorted rows, text
identifiers with leading zeros, plants without coordinates or employment, Parquet beside CSV, optional files absent.
Belongs here: what any panel must give. Does not belong here: values of established tools (test_oracles). Synthetic: no real place.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import stats

from tests.conftest import make

YEARS = [2010, 2012, 2013, 2017]
CITIES = [f"{i:03d}" for i in range(48)]
SEGMENTS = [f"0{i}" for i in range(7)]
FAMILY = {s: f"f{int(s) // 3}" for s in SEGMENTS}


def build(folder: Path) -> None:
    rng = np.random.default_rng(77)
    folder.mkdir()
    n = 900
    weight = rng.pareto(0.9, len(CITIES)) + 0.02
    weight[0] = 0  # an empty city
    city = rng.choice(len(CITIES), n, p=weight / weight.sum())
    city[city == 1] = 2
    city[0] = 1  # a city with one plant
    segment = rng.choice(len(SEGMENTS), n, p=[0.4, 0.2, 0.15, 0.1, 0.08, 0.05, 0.02])
    entry = rng.integers(2004, 2018, n)
    entry[segment == 6] = np.maximum(entry[segment == 6], 2013)  # a segment that comes late
    entry[0] = 2009
    gone = rng.random(n) < 0.3
    leave = np.where(gone, entry + rng.integers(0, 9, n), 9999)
    leave[0] = 9999
    lon, lat = rng.uniform(100, 122, len(CITIES)), rng.uniform(22, 44, len(CITIES))
    plants = pd.DataFrame({
        "plant_id": [f"{i:05d}" for i in range(n)], "firm_id": [f"{i % 211:04d}" for i in rng.zipf(1.5, n)], "city_id": [CITIES[i] for i in city],
        "segment_id": [SEGMENTS[i] for i in segment], "lon": lon[city] + rng.normal(0, 0.2, n), "lat": lat[city] + rng.normal(0, 0.15, n),
        "entry_year": entry, "exit_year": [int(x) if x <= 2017 else None for x in leave],
    })  # fmt: skip
    plants.loc[rng.choice(n, 60, replace=False), ["lon", "lat"]] = None
    rows = [(p, y) for p, e, x in zip(plants["plant_id"], entry, leave, strict=True) for y in YEARS if e <= y < x]
    size = np.round((rng.pareto(1.05, len(rows)) + 0.02) * 100)  # infinite variance, and zeros
    size[rng.random(len(rows)) < 0.3] = 50  # ties
    years = pd.DataFrame(rows, columns=["plant_id", "year"]).assign(employment=size, capacity_k_units=size / 7, output_k_units=size / 11)
    years.loc[rng.choice(len(rows), 40, replace=False), "employment"] = None
    shuffle = {"random_state": 3, "frac": 1.0}
    pl.from_pandas(plants.sample(**shuffle)).with_columns(pl.col("exit_year").cast(pl.Int64)).write_parquet(folder / "plants.parquet")
    years.sample(**shuffle).to_csv(folder / "plant_year.csv", index=False)
    pd.DataFrame({"city_id": CITIES, "province_id": [c[:2] for c in CITIES], "lon": lon, "lat": lat, "population": np.round(weight * 1e6) + 1, "gdp_cny_m": weight * 1e4}).sample(**shuffle).to_csv(folder / "cities.csv", index=False)
    pl.DataFrame({"segment_id": SEGMENTS, "family_id": [FAMILY[s] for s in SEGMENTS], "a remark": ["x"] * 7}).write_parquet(folder / "segments.parquet")


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    root = tmp_path_factory.mktemp("any")
    build(root / "panel")
    run = make(f"orchestration.commands.panel --panel {root / 'panel'} --out {root / 'out'}", root / "home")
    assert run.code == 0, run.out
    return root / "panel", root / "out", run.out


@pytest.fixture(scope="module")
def cells(ran) -> pd.DataFrame:
    """Plants by year with their city, segment and size, read again from the files."""
    folder = ran[0]
    plants = pl.read_parquet(folder / "plants.parquet").to_pandas()
    years = pd.read_csv(folder / "plant_year.csv", dtype={"plant_id": str})
    return years.merge(plants, on="plant_id").assign(size=lambda f: f["employment"].fillna(0))


def table(ran, name: str) -> pd.DataFrame:
    return pl.read_parquet(ran[1] / f"{name}.parquet").to_pandas()


def grid(cells: pd.DataFrame, year: int, value: str | None) -> pd.DataFrame:
    part = cells[cells["year"] == year]
    wide = part.pivot_table(index="city_id", columns="segment_id", values=value or "plant_id", aggfunc="sum" if value else "count", fill_value=0)
    return wide.reindex(index=CITIES, columns=SEGMENTS, fill_value=0).astype(float)


def close(have, want, tolerance: float = 1e-9) -> None:
    have, want = np.asarray(have, float), np.asarray(want, float)
    assert have.shape == want.shape and (np.isnan(have) == np.isnan(want)).all()
    ok = ~np.isnan(want)
    assert np.max(np.abs(have[ok] - want[ok]) / np.maximum(1, np.abs(want[ok])), initial=0) <= tolerance


def lq_of(e: pd.DataFrame) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        x = e.to_numpy()
        value = (x / x.sum(1, keepdims=True)) / (x.sum(0, keepdims=True) / x.sum())
    value[(x.sum(1) == 0), :] = np.nan
    value[:, x.sum(0) == 0] = np.nan
    return value


def test_what_could_not_be_computed_is_said_and_why(ran) -> None:
    account = json.loads((ran[1] / "_account.json").read_text())["tables"]
    assert account["policy_mix"]["not_computed"] == "the panel has no policy_events"
    assert account["policy_effect"]["not_computed"] == "the panel has no policy_panel"
    assert account["heritage_shares"]["not_computed"] == "the panel has no lineage"
    assert "not computed: the panel has no policy_events" in ran[2]
    assert all(entry["rows"] > 0 or "not_computed" in entry for entry in account.values())


def test_location_quotients_and_their_significance(ran, cells) -> None:
    mine = table(ran, "location_quotient")
    assert len(mine) == len(CITIES) * len(SEGMENTS) * len(YEARS) and set(mine["city_id"]) == set(CITIES)
    for year in YEARS:
        part = mine[mine["year"] == year].set_index(["city_id", "segment_id"]).unstack()
        counts, people = grid(cells, year, None), grid(cells, year, "size")
        close(part["plants"][SEGMENTS].loc[CITIES], counts)
        close(part["employment"][SEGMENTS].loc[CITIES], people)
        close(part["lq_employment"][SEGMENTS].loc[CITIES], lq_of(people))
        close(part["lq_plants"][SEGMENTS].loc[CITIES], lq_of(counts))
        x = counts.to_numpy()
        defined = np.isfinite(lq_of(counts))
        p = np.where(defined, stats.binom.sf(x - 1, x.sum(1, keepdims=True), x.sum(0, keepdims=True) / x.sum()), np.nan)
        close(part["p_binomial"][SEGMENTS].loc[CITIES], p)
        q = np.full(p.shape, np.nan)
        q[defined] = stats.false_discovery_control(p[defined], method="bh")
        close(part["q_bh"][SEGMENTS].loc[CITIES], q)
    assert mine[mine["lq_employment"].isna()]["null_reason"].notna().all()


def test_structure_similarity_and_anchors(ran, cells) -> None:
    structure, anchor, pairs = (table(ran, t) for t in ("city_structure", "anchor", "city_similarity"))
    people = pd.read_csv(ran[0] / "cities.csv", dtype={"city_id": str}).set_index("city_id")["population"]
    for year in YEARS:
        e = grid(cells, year, "size")
        full = e[e.sum(axis=1) > 0]
        share = full.div(full.sum(axis=1), axis=0)
        nation = e.sum() / e.to_numpy().sum()
        mine = structure[structure["year"] == year].set_index("city_id").loc[full.index]
        family = share.T.groupby(FAMILY).sum().T
        close(mine["hhi"], (share**2).sum(axis=1))
        close(mine["entropy_bits"], stats.entropy(share, base=2, axis=1))
        close(mine["unrelated_variety"], stats.entropy(family, base=2, axis=1))
        close(mine["related_variety"], stats.entropy(share, base=2, axis=1) - stats.entropy(family, base=2, axis=1))
        close(mine["krugman"], (share - nation).abs().sum(axis=1))
        assert structure[(structure["year"] == year) & ~structure["city_id"].isin(full.index)]["hhi"].isna().all()
        both = pairs[pairs["year"] == year]
        close(both["krugman_distance"], [np.abs(share.loc[i] - share.loc[j]).sum() for i, j in zip(both["city_i"], both["city_j"], strict=True)])
        assert len(both) == len(full) * (len(full) - 1) // 2
        group = cells[(cells["year"] == year) & (cells["size"] > 0)].groupby(["city_id", "firm_id"])["size"].sum()
        z = group / group.groupby("city_id").transform("sum")
        have = anchor[anchor["year"] == year].set_index("city_id").loc[full.index]
        close(have["cr1"], z.groupby("city_id").max().loc[full.index])
        close(have["cr4"], z.groupby("city_id").apply(lambda s: s.nlargest(4).sum()).loc[full.index])
        close(have["firm_hhi"], (z**2).groupby("city_id").sum().loc[full.index])
        total, largest, n = group.sum(), group.groupby("city_id").max(), group.groupby("city_id").size()
        left = (full.sum(axis=1) - largest) / (total - largest) / (people / people.sum()).loc[full.index]
        close(have["lq_without_anchor"], np.where(n.loc[full.index] == 1, 0, left.loc[full.index]))


def test_concentration_and_coagglomeration(ran, cells) -> None:
    mine, pairs = table(ran, "segment_concentration"), table(ran, "coagglomeration")
    for year in YEARS:
        part = cells[(cells["year"] == year) & (cells["size"] > 0)]
        e = grid(part, year, "size")
        x = (e.sum(axis=1) / e.to_numpy().sum()).to_numpy()
        have = mine[mine["year"] == year].set_index("segment_id")
        assert set(have.index) == set(part["segment_id"])
        shares = {}
        for s in have.index:
            z = part[part["segment_id"] == s]["size"].to_numpy()
            z = z / z.sum()
            shares[s] = d = e[s].to_numpy() / e[s].sum()
            h, g, x2, x3 = (z**2).sum(), ((d - x) ** 2).sum(), (x**2).sum(), (x**3).sum()
            assert have.loc[s, "n_plants"] == len(z)
            close([have.loc[s, "plant_hhi"], have.loc[s, "eg_g"]], [h, g])
            if len(z) == 1:
                assert np.isnan(have.loc[s, "eg_gamma"]) and "one plant" in have.loc[s, "null_reason"]
                continue
            variance = 2 * (h**2 * (x2 - 2 * x3 + x2**2) - (z**4).sum() * (x2 - 4 * x3 + 3 * x2**2))
            close([have.loc[s, "eg_gamma"], have.loc[s, "eg_z"]], [(g - (1 - x2) * h) / ((1 - x2) * (1 - h)), (g - (1 - x2) * h) / np.sqrt(variance)])
            order = np.argsort(d[x > 0] / x[x > 0], kind="stable")
            lorenz = np.concatenate([[0], np.cumsum(d[x > 0][order])])
            close([have.loc[s, "locational_gini"]], [(1 - (np.diff(np.concatenate([[0], np.cumsum(x[x > 0][order])])) * (lorenz[1:] + lorenz[:-1])).sum()) / 2])
        both = pairs[pairs["year"] == year]
        close(both["egk_gamma"], [((shares[i] - x) * (shares[j] - x)).sum() / (1 - (x**2).sum()) for i, j in zip(both["segment_i"], both["segment_j"], strict=True)])


def test_relatedness_density_and_branching_step_over_gaps(ran, cells) -> None:
    proximity, density, panel = (table(ran, t) for t in ("relatedness", "relatedness_density", "branching_panel"))
    special, near = {}, {}
    for year in YEARS:
        e = grid(cells, year, "size")
        m = (np.nan_to_num(lq_of(e)) >= 1).astype(float)
        active = grid(cells, year, None).sum() > 0
        u = m.sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            phi = (m.T @ m) / np.maximum.outer(u, u)
        np.fill_diagonal(phi, 0)
        phi[~active, :] = phi[:, ~active] = np.nan
        have = proximity[proximity["year"] == year].pivot(index="segment_i", columns="segment_j", values="proximity").reindex(index=SEGMENTS, columns=SEGMENTS)
        close(have, phi)
        filled = np.nan_to_num(phi)
        d = pd.DataFrame(m @ filled / np.where(filled.sum(axis=0) > 0, filled.sum(axis=0), np.nan), index=CITIES, columns=SEGMENTS)
        special[year], near[year] = pd.DataFrame(m, index=CITIES, columns=SEGMENTS), d
        mine = density[density["year"] == year].set_index(["city_id", "segment_id"])["density"]
        close(mine, [d.loc[k] for k in mine.index])
    for before, now in itertools.pairwise(YEARS):
        part = panel[panel["year"] == now].set_index(["city_id", "segment_id"])
        assert len(part) == len(CITIES) * len(SEGMENTS)
        was, is_ = special[before].stack(), special[now].stack()
        close(part["at_risk"], (1 - was).loc[part.index])
        close(part["entry"], ((1 - was) * is_).loc[part.index])
        close(part["exit"], (was * (1 - is_)).loc[part.index])


def test_shift_share_adds_up_with_the_segments_gained(ran, cells) -> None:
    mine = table(ran, "shift_share").set_index("city_id")
    e0, e1 = grid(cells, YEARS[0], "size"), grid(cells, YEARS[-1], "size")
    n0, n1 = e0.sum(), e1.sum()
    for city in CITIES:
        had = e0.loc[city] > 0
        if not had.any():
            assert city not in mine.index or mine.loc[city, "null_reason"] == "the city was empty at the start"
            continue
        ratio = n1[had].sum() / n0[had].sum()
        s0, s1 = e0.loc[city][had], e1.loc[city][had]
        want = [s1.sum() - s0.sum(), s0.sum() * (ratio - 1), (s0 * (n1[had] / n0[had] - ratio)).sum(), (s1 - s0 * n1[had] / n0[had]).sum(), e1.loc[city][~had].sum()]
        close(mine.loc[city, ["growth", "national", "mix", "regional", "new_segments"]].astype(float), want)
        assert e1.loc[city].sum() - e0.loc[city].sum() == pytest.approx(mine.loc[city, ["national", "mix", "regional", "new_segments"]].astype(float).sum(), abs=1e-6)


def test_survival_is_kaplan_meier_with_plants_censored_at_the_end(ran) -> None:
    from lifelines import KaplanMeierFitter

    plants = pl.read_parquet(ran[0] / "plants.parquet").to_pandas()
    plants = plants[(plants["entry_year"] >= 2010) & (plants["entry_year"] <= 2017)]
    ended = plants["exit_year"].notna()
    fit = KaplanMeierFitter().fit(np.where(ended, plants["exit_year"], 2018) - plants["entry_year"], ended)
    mine = table(ran, "survival").set_index("t_years")
    want = fit.survival_function_.join(fit.confidence_interval_)
    close(mine[["survival", "lo95", "hi95"]], want.loc[mine.index.astype(float)])


def test_spatial_association_with_infinite_variance(ran, cells) -> None:
    cities = pd.read_csv(ran[0] / "cities.csv", dtype={"city_id": str}).sort_values("city_id")
    lam, phi = np.radians(cities["lon"].to_numpy()), np.radians(cities["lat"].to_numpy())
    half = np.sin((phi[:, None] - phi) / 2) ** 2 + np.cos(phi[:, None]) * np.cos(phi) * np.sin((lam[:, None] - lam) / 2) ** 2
    far = 2 * 6371.0088 * np.arcsin(np.sqrt(half))
    np.fill_diagonal(far, np.inf)
    w = np.zeros_like(far)
    np.put_along_axis(w, np.argsort(far, axis=1)[:, :8], 1.0, axis=1)
    mine, summary = table(ran, "spatial_association"), table(ran, "spatial_summary")
    for year in YEARS:
        x = grid(cells, year, "size").sum(axis=1).to_numpy()
        for variable, v in (("employment", x), ("log1p_employment", np.log1p(x))):
            part = mine[(mine["year"] == year) & (mine["variable"] == variable)].set_index("city_id").loc[CITIES]
            z = (v - v.mean()) / v.std()
            close(part["local_moran_i"], (len(v) - 1) / len(v) * z * (w @ z / 8), 1e-8)
            star = w + np.eye(len(v))
            score = (star @ v - 9 * v.mean()) / (v.std() * np.sqrt((len(v) * 9 - 81) / (len(v) - 1)))
            close(part["gistar_z"], score, 1e-8)
            close(part["gistar_q"], stats.false_discovery_control(2 * stats.norm.sf(np.abs(score)), method="bh"), 1e-8)
            row = summary[(summary["year"] == year) & (summary["variable"] == variable)].iloc[0]
            close([row["moran_i"], row["geary_c"]], [z @ (w @ z) / 8 / len(v), (len(v) - 1) * (w / 8 * (v[:, None] - v) ** 2).sum() / (2 * len(v) * ((v - v.mean()) ** 2).sum())])


def test_m_and_k_density_leave_out_plants_without_coordinates(ran, cells) -> None:
    mine = table(ran, "k_density")
    part = cells[(cells["year"] == 2017) & cells["lon"].notna()].sort_values("plant_id")
    lam, phi, w = np.radians(part["lon"].to_numpy()), np.radians(part["lat"].to_numpy()), part["size"].to_numpy()
    half = np.sin((phi[:, None] - phi) / 2) ** 2 + np.cos(phi[:, None]) * np.cos(phi) * np.sin((lam[:, None] - lam) / 2) ** 2
    far = 2 * 6371.0088 * np.arcsin(np.sqrt(half))
    np.fill_diagonal(far, np.inf)
    for segment in SEGMENTS[:3]:
        here = (part["segment_id"] == segment).to_numpy()
        have = mine[mine["segment_id"] == segment].set_index("r_km")
        assert (have["n_plants"] == here.sum()).all()
        for r in (10.0, 50.0, 200.0):
            near = far[here] <= r
            seen = (near * w).sum(axis=1) > 0
            top = ((near * (w * here)).sum(axis=1)[seen] / (near * w).sum(axis=1)[seen]).sum()
            bottom = ((w[here].sum() - w[here][seen]) / (w.sum() - w[here][seen])).sum()
            close([have.loc[r, "m"]], [top / bottom])
        pairs = far[here][:, here][np.triu_indices(here.sum(), 1)]
        width = have["bandwidth_km"].iloc[0]
        for r in (0.0, 30.0, 120.0):
            want = (np.exp(-0.5 * ((r - pairs) / width) ** 2) + np.exp(-0.5 * ((r + pairs) / width) ** 2)).mean() / (width * np.sqrt(2 * np.pi))
            close([have.loc[r, "kd"]], [want])
    banded = mine.dropna(subset=["kd"])
    assert (banded["global_lo"] <= banded["local_lo"] + 1e-12).mean() > 0.9 and (banded["global_hi"] >= banded["local_hi"] - 1e-12).mean() > 0.9
