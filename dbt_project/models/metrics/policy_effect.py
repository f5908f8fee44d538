"""Effects of adoption (evatlas_science.effects). One row per outcome, instrument, estimator, estimand and event time."""


def model(dbt, session):
    dbt.config(materialized="table")
    frame = dbt.ref("panel_policy_panel").df()
    from evatlas_science.effects import effects

    result = effects(frame)  # noqa: F841 - read by name below
    session.register("policy_effect_frame", result)
    return session.sql(
        """select outcome::varchar outcome, instrument::varchar instrument, estimator::varchar estimator, estimand::varchar estimand,
           event_time::integer event_time, estimate::double estimate, se::double se, lo::double lo, hi::double hi, p::double p,
           n_treated::bigint n_treated, n_control::bigint n_control, cohorts::bigint cohorts, design_grade::varchar design_grade,
           pretrend_p::double pretrend_p, warnings::varchar warnings from policy_effect_frame"""
    )
