-- Dunn (1960): growth = national + mix + regional, over segments that the city had at the start; segments that it
-- gained later are a fourth term, so that growth of the whole city = national + mix + regional + new_segments, exactly.
with bounds as (
    select
        min(year) as year0,
        max(year) as year1
    from {{ ref('panel_plant_year') }}
),

cells as (
    select
        p.city_id,
        p.segment_id,
        {{ ordered_sum('y.size') }} filter (where y.year = b.year0) as s0,
        {{ ordered_sum('y.size') }} filter (where y.year = b.year1) as s1,
        b.year0,
        b.year1
    from {{ ref('panel_plant_year') }} as y
    inner join {{ ref('panel_plants') }} as p on y.plant_id = p.plant_id
    cross join bounds as b
    where b.year1 > b.year0
    group by p.city_id, p.segment_id, b.year0, b.year1
),

filled as (
    select
        city_id,
        segment_id,
        coalesce(s0, 0) as s0,
        coalesce(s1, 0) as s1,
        year0,
        year1
    from cells
),

national as (
    select
        segment_id,
        {{ ordered_sum('s0') }} as n0,
        {{ ordered_sum('s1') }} as n1
    from filled
    group by segment_id
),

-- REAT's convention, kept: the nation's totals are over the segments that the city had at the start
base as (
    select
        f.city_id,
        f.year0,
        f.year1,
        f.s0,
        f.s1,
        n.n0,
        n.n1,
        {{ ordered_sum('n.n1') }} over (partition by f.city_id) / nullif({{ ordered_sum('n.n0') }} over (partition by f.city_id), 0) as nation_ratio
    from filled as f
    inner join national as n on f.segment_id = n.segment_id
    where f.s0 > 0
),

parts as (
    select
        city_id,
        {{ ordered_sum('s0 * (nation_ratio - 1)') }} as national,
        {{ ordered_sum('s0 * (n1 / n0 - nation_ratio)') }} as mix,
        {{ ordered_sum('s1 - s0 * n1 / n0') }} as regional
    from base
    group by city_id
),

gained as (
    select
        city_id,
        {{ ordered_sum('s1') }} as new_segments
    from filled
    where s0 = 0
    group by city_id
),

cities as (
    select
        city_id,
        min(year0) as year0,
        min(year1) as year1,
        {{ ordered_sum('s1') }} - {{ ordered_sum('s0') }} as growth_all,
        {{ ordered_sum('s0') }} as start
    from filled
    group by city_id
)

select
    c.city_id,
    c.year0::integer as year0,
    c.year1::integer as year1,
    -- growth of the segments that stood at the start; growth + new_segments is the city's whole growth
    case when c.start > 0 then c.growth_all - coalesce(g.new_segments, 0) end::double as growth,
    p.national::double as national,
    p.mix::double as mix,
    p.regional::double as regional,
    coalesce(g.new_segments, 0)::double as new_segments,
    case when c.start = 0 then 'the city was empty at the start' end as null_reason
from cities as c
left join parts as p on c.city_id = p.city_id
left join gained as g on c.city_id = g.city_id
where c.start > 0 or g.new_segments > 0
