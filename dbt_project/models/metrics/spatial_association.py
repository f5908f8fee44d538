"""Local Moran and Gi* of cities (evatlas_science.spatial). One row per city, variable and year."""


def model(dbt, session):
    dbt.config(materialized="table")
    import numpy as np
    import pandas as pd
    from evatlas_science.geo import neighbour_count, neighbours
    from evatlas_science.spatial import fdr, gi_star, local_moran

    cells = dbt.ref("location_quotient")
    cities = dbt.ref("panel_cities").filter("lon is not null and lat is not null").order("city_id").df()
    known = session.sql("select 1").fetchall() and cells.aggregate("count(employment) > 0").fetchone()[0]
    measure = "employment" if known else "plants"
    totals = cells.aggregate(f"city_id, year, sum({measure} order by {measure})::double as total").df()
    rows = []
    if len(cities) >= 10 and len(totals):
        near = neighbours(cities["lon"].to_numpy(float), cities["lat"].to_numpy(float), neighbour_count(len(cities)))
        years = sorted(totals["year"].unique())
        for year in years:
            raw = cities[["city_id"]].merge(totals[totals["year"] == year], on="city_id", how="left")["total"].fillna(0).to_numpy(float)
            for variable, x in ((measure, raw), (f"log1p_{measure}", np.log1p(raw))):
                if x.std() == 0:
                    continue
                local, quadrant, p = local_moran(x, near, 9999 if year == years[-1] and known else 999)
                score, two_sided = gi_star(x, near)
                rows.append(pd.DataFrame({"city_id": cities["city_id"], "variable": variable, "year": int(year), "local_moran_i": local, "quadrant": quadrant, "p_sim": p, "gistar_z": score, "gistar_p": two_sided, "gistar_q": fdr(two_sided)}))
    columns = ["city_id", "variable", "year", "local_moran_i", "quadrant", "p_sim", "gistar_z", "gistar_p", "gistar_q"]
    result = pd.concat(rows) if rows else pd.DataFrame(columns=columns)
    session.register("spatial_frame", result)
    return session.sql("select city_id::varchar city_id, variable::varchar \"variable\", year::integer \"year\", local_moran_i::double local_moran_i, quadrant::integer quadrant, p_sim::double p_sim, gistar_z::double gistar_z, gistar_p::double gistar_p, gistar_q::double gistar_q from spatial_frame")
