-- Ellison, Glaeser and Kerr (2010): sum over cities of (s_i - x)(s_j - x) / (1 - sum x^2), pairs segment_i < segment_j.
with plants as (
    select
        p.city_id,
        p.segment_id,
        y.year,
        y.size
    from {{ ref('panel_plant_year') }} as y
    inner join {{ ref('panel_plants') }} as p on y.plant_id = p.plant_id
    where y.size > 0
),

benchmark as (
    select
        city_id,
        year,
        {{ ordered_sum('size') }} / {{ ordered_sum(ordered_sum('size')) }} over (partition by year) as x
    from plants
    group by city_id, year
),

moments as (
    select
        year,
        {{ ordered_sum('x * x') }} as x2
    from benchmark
    group by year
),

segments as (
    select distinct
        segment_id,
        year
    from plants
),

segment_city as (
    select
        segment_id,
        city_id,
        year,
        {{ ordered_sum('size') }} / {{ ordered_sum(ordered_sum('size')) }} over (partition by segment_id, year) as s
    from plants
    group by segment_id, city_id, year
),

filled as (
    select
        g.segment_id,
        b.city_id,
        b.year,
        coalesce(c.s, 0) - b.x as d
    from benchmark as b
    inner join segments as g on b.year = g.year
    left join segment_city as c on b.city_id = c.city_id and b.year = c.year and g.segment_id = c.segment_id
)

select
    i.segment_id as segment_i,
    j.segment_id as segment_j,
    i.year::integer as year,
    ({{ ordered_sum('i.d * j.d') }} / nullif(1 - min(m.x2), 0))::double as egk_gamma,
    case when {{ at_least('min(m.x2)', '1') }} then 'all plants stand in one city' end as null_reason
from filled as i
inner join filled as j on i.city_id = j.city_id and i.year = j.year and i.segment_id < j.segment_id
inner join moments as m on i.year = m.year
group by i.segment_id, j.segment_id, i.year
