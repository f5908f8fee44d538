"""Global Moran and Geary of cities (evatlas_science.spatial). One row per variable and year."""


def model(dbt, session):
    dbt.config(materialized="table")
    import numpy as np
    import pandas as pd
    from evatlas_science.geo import neighbour_count, neighbours
    from evatlas_science.spatial import moran

    cells = dbt.ref("location_quotient")
    cities = dbt.ref("panel_cities").filter("lon is not null and lat is not null").order("city_id").df()
    known = cells.aggregate("count(employment) > 0").fetchone()[0]
    measure = "employment" if known else "plants"
    totals = cells.aggregate(f"city_id, year, sum({measure} order by {measure})::double as total").df()
    rows = []
    if len(cities) >= 10 and len(totals):
        k = neighbour_count(len(cities))
        near = neighbours(cities["lon"].to_numpy(float), cities["lat"].to_numpy(float), k)
        for year in sorted(totals["year"].unique()):
            raw = cities[["city_id"]].merge(totals[totals["year"] == year], on="city_id", how="left")["total"].fillna(0).to_numpy(float)
            for variable, x in ((measure, raw), (f"log1p_{measure}", np.log1p(raw))):
                if x.std() > 0:
                    rows.append({"variable": variable, "year": int(year), **moran(x, near), "n_cities": len(x), "k_neighbours": k})
    columns = ["variable", "year", "moran_i", "expected_i", "z", "p", "geary_c", "n_cities", "k_neighbours"]
    session.register("summary_frame", pd.DataFrame(rows, columns=columns))
    return session.sql("select variable::varchar \"variable\", year::integer \"year\", moran_i::double moran_i, expected_i::double expected_i, z::double z, p::double p, geary_c::double geary_c, n_cities::integer n_cities, k_neighbours::bigint k_neighbours from summary_frame")
