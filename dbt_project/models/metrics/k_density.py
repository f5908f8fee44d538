"""K-density and M of segments in the newest year (evatlas_science.kdensity). One row per segment, year and radius."""


def model(dbt, session):
    dbt.config(materialized="table")
    import pandas as pd
    from evatlas_science.kdensity import k_density

    plants = dbt.ref("panel_plants")
    years = dbt.ref("panel_plant_year")
    last = years.aggregate("max(year)").fetchone()[0]
    frame = plants.filter("lon is not null and geocode_level in ('plant', 'district')").select("plant_id, segment_id, lon, lat").join(years.filter(f"year = {int(last or 0)}").select("plant_id, year, size"), "plant_id").df()
    columns = ["segment_id", "year", "r_km", "kd", "kd_weighted", "m", "bandwidth_km", "n_plants", "local_lo", "local_hi", "global_lo", "global_hi", "null_reason"]
    result = k_density(frame).reindex(columns=columns) if len(frame) else pd.DataFrame(columns=columns)
    session.register("kd_frame", result)
    numbers = ", ".join(f"{c}::double {c}" for c in ("kd", "kd_weighted", "m", "bandwidth_km"))
    bounds = ", ".join(f"{c}::double {c}" for c in ("local_lo", "local_hi", "global_lo", "global_hi"))
    return session.sql(f"select segment_id::varchar segment_id, year::integer \"year\", r_km::double r_km, {numbers}, n_plants::integer n_plants, {bounds}, null_reason::varchar null_reason from kd_frame")
