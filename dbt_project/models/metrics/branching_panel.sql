-- One row per city, segment and year at risk: entry into (or exit from) specialisation, and density the year before.
with special as (
    select
        q.city_id,
        q.segment_id,
        q.year,
        (coalesce(q.lq_employment, case when k.has_employment then null else q.lq_plants end, 0) >= 1)::integer as m
    from {{ ref('location_quotient') }} as q
    cross join (select count(employment) > 0 as has_employment from {{ ref('panel_plant_year') }}) as k
)

select
    now.city_id,
    now.segment_id,
    now.year::integer as year,
    d.density::double as density,
    (before.m = 0)::integer as at_risk,
    (before.m = 0 and now.m = 1)::integer as entry,
    (before.m = 1 and now.m = 0)::integer as exit
from special as now
inner join special as before
    on now.city_id = before.city_id and now.segment_id = before.segment_id and now.year = before.year + 1
left join {{ ref('relatedness_density') }} as d
    on before.city_id = d.city_id and before.segment_id = d.segment_id and before.year = d.year
