-- One row per city, segment and year at risk: entry into (or exit from) specialisation, and density in the year observed
-- before (a panel may have gaps: "before" is the previous year that the panel has).
with special as (
    select
        q.city_id,
        q.segment_id,
        q.year,
        {{ at_least('coalesce(q.lq_employment, case when k.has_employment then null else q.lq_plants end, 0)', '1') }}::integer as m
    from {{ ref('location_quotient') }} as q
    cross join (select count(employment) > 0 as has_employment from {{ ref('panel_plant_year') }}) as k
),

years as (
    select
        year,
        lag(year) over (order by year) as year_before
    from (select distinct year from special)
)

select
    now.city_id,
    now.segment_id,
    now.year::integer as year,
    -- a city without plants is near to nothing: 0; a segment that is related to no other has no density at all
    coalesce(d.density, case when r.total > 0 then 0.0 end)::double as density,
    (before.m = 0)::integer as at_risk,
    (before.m = 0 and now.m = 1)::integer as entry,
    (before.m = 1 and now.m = 0)::integer as exit
from special as now
inner join years as y on now.year = y.year
inner join special as before
    on now.city_id = before.city_id and now.segment_id = before.segment_id and y.year_before = before.year
left join (
    select
        segment_i,
        year,
        {{ ordered_sum('proximity') }} as total
    from {{ ref('relatedness') }}
    group by segment_i, year
) as r
    on before.segment_id = r.segment_i and before.year = r.year
left join {{ ref('relatedness_density') }} as d
    on before.city_id = d.city_id and before.segment_id = d.segment_id and before.year = d.year
