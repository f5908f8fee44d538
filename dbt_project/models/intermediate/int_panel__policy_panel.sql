-- Cities by years, one outcome (EV-capable plants, log1p) and one class of instruments at a time: when the class was
-- first supported there. Cities that no document is known of are not "never treated": only cities with a covered
-- document base enter, so that absence of a record is not read as absence of policy.
with covered as (
    select distinct city_id from {{ ref('int_panel__policy_events') }}
),

adoption as (
    select
        e.city_id,
        i.seed_tool as instrument,
        min(year(e.effective_date)) as first_treat
    from {{ ref('int_panel__policy_events') }} as e
    inner join {{ ref('instruments') }} as i on e.instrument = i.instrument_id
    group by all
),

classes as (
    select distinct seed_tool as instrument from {{ ref('instruments') }} where seed_tool not like '(%'
),

years as (
    select unnest(generate_series(2010, (select this_year from {{ ref('int_build') }})))::integer as year
),

plants as (
    select
        city_id,
        year,
        count(*) as n
    from {{ ref('int_plants__yearly') }}
    where is_ev
    group by all
)

select
    'log1p_ev_plants' as outcome,
    v.city_id,
    c.province_id,
    y.year,
    coalesce(a.first_treat, 0)::integer as first_treat,
    (a.first_treat is not null and y.year >= a.first_treat)::integer as treated,
    ln(1 + coalesce(p.n, 0)) as y,
    k.instrument,
    -- one month of lists is no document base: nine in ten months since the panel's first year must have been fetched
    coalesce(10 * w.months >= 9 * 12 * (b.this_year - 2010), false) as covered
from covered as v
cross join classes as k
cross join years as y
cross join {{ ref('int_build') }} as b
left join adoption as a on v.city_id = a.city_id and k.instrument = a.instrument
left join plants as p on v.city_id = p.city_id and y.year = p.year
left join {{ ref('cities') }} as c on v.city_id = c.city_id
left join {{ ref('int_coverage') }} as w on v.city_id = w.place_id and w.source_id = 'policy_releases'
