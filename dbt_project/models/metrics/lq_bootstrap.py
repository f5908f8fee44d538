"""Bootstrap intervals and cut-offs of location quotients (evatlas_science.quotients). One row per city and segment with plants, and year."""


def model(dbt, session):
    dbt.config(materialized="table")
    from evatlas_science.quotients import bootstrap

    counts = dbt.ref("location_quotient").select('city_id, segment_id, "year", plants').df()
    session.register("lq_frame", bootstrap(counts))
    return session.sql(
        """select city_id::varchar city_id, segment_id::varchar segment_id, "year"::integer "year", lq_plants::double lq_plants, lo::double lq_boot_lo,
           hi::double lq_boot_hi, cutoff_95::double cutoff_95, (above_cutoff > 0)::boolean above_cutoff, null_reason::varchar null_reason
           from (select * replace (case when isnan(lo) then null else lo end as lo, case when isnan(hi) then null else hi end as hi,
                 case when isnan(cutoff_95) then null else cutoff_95 end as cutoff_95,
                 case when isnan(above_cutoff) then null else above_cutoff end as above_cutoff)
                 from (select * replace (lo::double as lo, hi::double as hi, cutoff_95::double as cutoff_95, above_cutoff::double as above_cutoff) from lq_frame))"""
    )
