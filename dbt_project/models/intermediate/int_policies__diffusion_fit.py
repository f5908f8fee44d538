"""Logistic curve of each instrument's cumulative adopters (evatlas_science.diffusion). One row per instrument."""


def model(dbt, session):
    dbt.config(materialized="table")
    from evatlas_science.diffusion import fits

    frame = dbt.ref("int_policies__adoption").df()
    last = dbt.ref("int_build").select("this_year").fetchone()[0]
    session.register("diffusion_fit_frame", fits(frame, last))
    return session.sql("select instrument_id::varchar instrument_id, ceiling::double ceiling, growth::double growth, midyear::double midyear, rmse::double rmse, n_adopters::integer n_adopters, null_reason::varchar null_reason from diffusion_fit_frame")
