-- Proximity of two segments (Hidalgo et al. 2007): the smaller of the two conditional probabilities that a city
-- specialised (LQ >= 1) in one is specialised in the other. The diagonal is 0: a segment says nothing of itself.
with special as (
    select
        q.city_id,
        q.segment_id,
        q.year,
        {{ at_least('coalesce(q.lq_employment, case when k.has_employment then null else q.lq_plants end, 0)', '1') }}::integer as m,
        s.segment_id is not null as active
    from {{ ref('location_quotient') }} as q
    cross join (select count(employment) > 0 as has_employment from {{ ref('panel_plant_year') }}) as k
    left join (
        select distinct segment_id, year from {{ ref('location_quotient') }} where plants > 0
    ) as s on q.segment_id = s.segment_id and q.year = s.year
),

ubiquity as (
    select
        segment_id,
        year,
        sum(m) as u
    from special
    where active
    group by segment_id, year
),

together as (
    select
        i.segment_id as segment_i,
        j.segment_id as segment_j,
        i.year,
        sum(i.m * j.m) as n
    from special as i
    inner join special as j on i.city_id = j.city_id and i.year = j.year
    where i.active and j.active
    group by i.segment_id, j.segment_id, i.year
)

select
    t.segment_i,
    t.segment_j,
    t.year::integer as year,
    case
        when t.segment_i = t.segment_j then 0.0
        when greatest(a.u, b.u) = 0 then null
        else t.n / greatest(a.u, b.u)::double
    end::double as proximity,
    case when greatest(a.u, b.u) = 0 and t.segment_i <> t.segment_j then 'no city is specialised in either segment' end as null_reason
from together as t
inner join ubiquity as a on t.segment_i = a.segment_id and t.year = a.year
inner join ubiquity as b on t.segment_j = b.segment_id and t.year = b.year
