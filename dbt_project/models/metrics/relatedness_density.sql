-- Density of a segment in a city (Hidalgo et al. 2007; Neffke et al. 2011): proximity-weighted share of the other
-- segments in which the city is specialised. Cities without a plant in the year are undefined.
with special as (
    select
        q.city_id,
        q.segment_id,
        q.year,
        {{ at_least('coalesce(q.lq_employment, case when k.has_employment then null else q.lq_plants end, 0)', '1') }}::integer as m
    from {{ ref('location_quotient') }} as q
    cross join (select count(employment) > 0 as has_employment from {{ ref('panel_plant_year') }}) as k
    where exists (
        select 1
        from {{ ref('location_quotient') }} as o
        where o.city_id = q.city_id and o.year = q.year and o.plants > 0
    )
),

dense as (
    select
        s.city_id,
        r.segment_i as segment_id,
        s.year,
        {{ ordered_sum('r.proximity * s.m') }} as near,
        {{ ordered_sum('r.proximity') }} as total
    from special as s
    inner join {{ ref('relatedness') }} as r on s.segment_id = r.segment_j and s.year = r.year
    where r.segment_i <> r.segment_j
    group by s.city_id, r.segment_i, s.year
)

select
    city_id,
    segment_id,
    year::integer as year,
    (near / nullif(total, 0))::double as density,
    case when coalesce(total, 0) = 0 then 'the segment is related to no other' end as null_reason
from dense
