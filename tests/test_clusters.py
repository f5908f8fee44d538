"""Density clusters: names that stay, splits and merges, noise, and clusters of the atlas that cross city borders.

Belongs here: identity over years. Does not belong here: partitions against other libraries (test_oracles). The points are made up.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from tests.conftest import REPO

sys.path.insert(0, str(REPO / "dbt_project" / "python"))
from evatlas_science import clusters
from evatlas_science.geo import distances_km


def blob(name: str, lon: float, lat: float, n: int, year: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame({"plant_id": [f"{name}{i:02d}" for i in range(n)], "year": year, "lon": lon + rng.normal(0, 0.05, n), "lat": lat + rng.normal(0, 0.05, n)})


def test_names_stay_though_labels_turn_and_a_newcomer_gets_a_new_one() -> None:
    """A second region appears in a place that the library labels before the first."""
    east = [blob("e", 121.0, 31.0, 20, year, 1) for year in (2000, 2001, 2002)]
    west = [blob("a", 104.0, 30.0, 20, year, 2) for year in (2001, 2002)]
    alone = [pd.DataFrame({"plant_id": ["z"], "year": [year], "lon": [90.0], "lat": [45.0]}) for year in (2000, 2001, 2002)]
    found = clusters.plant_clusters(pd.concat([*east, *west, *alone]))
    for method in ("hdbscan_50km", "dbscan"):
        part = found[found["method"] == method]
        names = part[part["plant_id"].str[0] == "e"].groupby("year")["cluster_id"].unique()
        assert [list(v) for v in names] == [[f"{method}:001"]] * 3
        assert set(part[(part["plant_id"].str[0] == "a")]["cluster_id"]) == {f"{method}:002"}
        assert part[part["plant_id"] == "z"]["cluster_id"].isna().all()
    east_2002 = found[(found["method"] == "hdbscan_50km") & (found["year"] == 2002) & (found["plant_id"].str[0] == "e")]
    assert (east_2002["overlap_jaccard"] == 1).all() and (east_2002["previous_cluster_id"] == "hdbscan_50km:001").all()
    between = distances_km(east[2]["lon"].to_numpy(), east[2]["lat"].to_numpy())
    assert np.isclose(east_2002["distance_to_core_km"].sum(), between.sum(axis=1).min())


def test_the_larger_part_of_a_split_keeps_the_name() -> None:
    names, overlaps = clusters.matched({0: {"a", "b", "c"}, 1: {"d", "e", "f", "g", "h"}}, {"x": set("abcdefgh")})
    assert names == {1: "x"} and overlaps[0] == ("x", 3 / 8) and overlaps[1] == ("x", 5 / 8)


def test_a_merger_takes_the_name_of_its_larger_part_and_nothing_is_named_twice() -> None:
    names, _ = clusters.matched({0: set("abcdefgh"), 1: set("xy")}, {"p": set("abcde"), "q": set("fgh"), "r": set("xyz")})
    assert names == {0: "p", 1: "r"}


def test_points_far_apart_are_not_one_region() -> None:
    """Two towns 90 km apart are two clusters at 50 km; 40 km apart they are one."""
    def count(apart_km: float) -> int:
        other = 31.0 + apart_km / 111.19
        rows = pd.concat([blob("e", 121.0, 31.0, 12, 2000, 3).assign(lon=121.0, lat=31.0), blob("f", 121.0, other, 12, 2000, 4).assign(lon=121.0, lat=other)])
        found = clusters.plant_clusters(rows)
        return found[found["method"] == "hdbscan_50km"]["cluster_id"].nunique()

    assert count(90) == 2 and count(40) == 1


def test_the_deltas_are_one_cluster_each_in_the_atlas(published: Path) -> None:
    con = duckdb.connect(str(published / "atlas.duckdb"), read_only=True)
    rows = con.execute(
        """select distinct m.cluster_id, c.name_en from mart_cluster_membership m join city c using (city_id)
           where m.year = (select max(year) from mart_cluster_membership) and m.method <> 'admin'"""
    ).fetchall()
    by_cluster: dict[str, set[str]] = {}
    for cluster, city in rows:
        by_cluster.setdefault(cluster, set()).add(city)
    for region in ({"Shenzhen", "Dongguan", "Huizhou", "Guangzhou"}, {"Shanghai", "Suzhou (Jiangsu)", "Changzhou"}):
        assert any(region <= cities for cities in by_cluster.values()), (region, by_cluster)
    centroids = con.execute(
        """select count(*) from mart_cluster_membership m left join plant p using (plant_id)
           where m.method <> 'admin' and coalesce(p.geocode_level, m.geocode_level) not in ('plant', 'district')"""
    ).fetchone()
    assert centroids == (0,)
