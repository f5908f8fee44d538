"""Entry on relatedness density with a permutation null (evatlas_science.branching). One row per term."""


def model(dbt, session):
    dbt.config(materialized="table")
    from evatlas_science.branching import branching

    ice_cities = dbt.ref("panel_ice_cities").df()
    frame = dbt.ref("branching_panel").filter("at_risk = 1 and density is not null").df()
    session.register("branching_frame", branching(frame.assign(ice_city=frame["city_id"].isin(ice_cities["city_id"]))))
    return session.sql(
        """select term::varchar term, estimate::double estimate, se::double se, permuted_mean::double permuted_mean,
           permuted_sd::double permuted_sd, n::bigint n, null_reason::varchar null_reason, permutation_p::double permutation_p
           from branching_frame"""
    )
