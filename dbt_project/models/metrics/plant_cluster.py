"""Density clusters of plants by year (evatlas_science.clusters). One row per plant, year and method."""


def model(dbt, session):
    dbt.config(materialized="table")
    plants = dbt.ref("panel_plants")
    years = dbt.ref("panel_plant_year")
    frame = plants.select("plant_id, lon, lat, geocode_level").join(years.select("plant_id, year"), "plant_id").filter("lon is not null and geocode_level in ('plant', 'district')").df()
    from evatlas_science.clusters import least_size, plant_clusters

    if frame.empty or frame.groupby("year").size().max() < 2 * least_size(0):
        return session.sql("select null::varchar plant_id, null::integer as \"year\", null::varchar cluster_id, null::varchar as \"method\", null::double probability where false")
    result = plant_clusters(frame)
    return session.from_df(result).select("plant_id, year::integer as year, cluster_id::varchar as cluster_id, method, probability")
