"""Inter-type M between segments in the newest year (evatlas_science.kdensity). One row per ordered pair and radius."""


def model(dbt, session):
    dbt.config(materialized="table")
    import pandas as pd
    from evatlas_science.kdensity import m_inter

    plants = dbt.ref("panel_plants")
    years = dbt.ref("panel_plant_year")
    last = years.aggregate("max(year)").fetchone()[0]
    frame = plants.filter("lon is not null and geocode_level in ('plant', 'district')").select("plant_id, segment_id, lon, lat").join(years.filter(f"year = {int(last or 0)}").select("plant_id, year, size"), "plant_id").df()
    columns = ["reference", "neighbour", "year", "r_km", "m_inter"]
    session.register("mi_frame", m_inter(frame).reindex(columns=columns) if len(frame) else pd.DataFrame(columns=columns))
    return session.sql("select reference::varchar \"reference\", neighbour::varchar neighbour, year::integer \"year\", r_km::double r_km, m_inter::double m_inter from mi_frame")
