"""Density clusters of plants, and of seats of firms beside them, by year (evatlas_science.clusters). One row per point, year and method."""


def model(dbt, session):
    dbt.config(materialized="table")
    import pandas as pd
    from evatlas_science.clusters import COLUMNS, least_size, plant_clusters

    plants = dbt.ref("panel_plants").filter("lon is not null and geocode_level in ('plant', 'district')").select("plant_id, lon, lat").df()
    years = dbt.ref("panel_plant_year").select("plant_id, year").df()
    sites = dbt.ref("panel_sites").df()
    frame = plants.merge(years, on="plant_id")
    if len(sites) and len(frame):
        span = pd.DataFrame({"year": sorted(frame["year"].unique())})
        held = sites.merge(span, how="cross")
        held = held[(held["from_year"] <= held["year"]) & (held["to_year"] >= held["year"])]
        frame = pd.concat([frame, held[["plant_id", "lon", "lat", "year"]]], ignore_index=True)
    if frame.empty or frame.groupby("year").size().max() < 2 * least_size(0):
        result = pd.DataFrame(columns=COLUMNS)
    else:
        result = plant_clusters(frame)
    session.register("cluster_frame", result)
    return session.sql(
        """select plant_id::varchar plant_id, "year"::integer "year", cluster_id::varchar cluster_id, "method"::varchar "method",
           probability::double probability, previous_cluster_id::varchar previous_cluster_id, overlap_jaccard::double overlap_jaccard,
           distance_to_core_km::double distance_to_core_km from cluster_frame"""
    )
