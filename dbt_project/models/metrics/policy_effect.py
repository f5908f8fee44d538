"""Effects of adoption (evatlas_science.effects). One row per outcome, instrument, estimator, estimand and event time."""


def model(dbt, session):
    dbt.config(materialized="table")
    # Frames, not Arrow readers: a reader streams from the connection that would have to read it, and waits for ever.
    cities = dbt.ref("panel_cities").select("city_id, lon, lat").df()
    frame = dbt.ref("panel_policy_panel").df().merge(cities, on="city_id", how="left")
    from evatlas_science.effects import effects

    result = effects(frame)
    session.register("policy_effect_frame", result)
    return session.sql(
        """select outcome::varchar outcome, instrument::varchar instrument, estimator::varchar estimator, estimand::varchar estimand,
           event_time::integer event_time, estimate::double estimate, se::double se, lo::double lo, hi::double hi, p::double p,
           n_treated::bigint n_treated, n_control::bigint n_control, cohorts::bigint cohorts, design_grade::varchar design_grade,
           pretrend_p::double pretrend_p, pretrend_slope_detectable::double pretrend_slope_detectable,
           permutation_p::double permutation_p, warnings::varchar warnings from policy_effect_frame"""
    )
