-- Balassa (1965): (e_cs / E_c) / (E_s / E), on employment and on plants, over the full grid of cities and segments.
with grid as (
    select
        c.city_id,
        s.segment_id,
        y.year
    from {{ ref('panel_cities') }} as c
    cross join {{ ref('panel_segments') }} as s
    cross join (select distinct year from {{ ref('panel_plant_year') }}) as y
    {% if not var('panel') %}
    -- the atlas's own grid is cut to cities and segments that ever have a plant: 350 x 14 x 20 empty cells say nothing
    where
        c.city_id in (select city_id from {{ ref('panel_plants') }})
        and s.segment_id in (select segment_id from {{ ref('panel_plants') }})
    {% endif %}
),

cells as (
    select
        p.city_id,
        p.segment_id,
        y.year,
        {{ ordered_sum('y.employment') }} as employment,
        count(*) as plants
    from {{ ref('panel_plant_year') }} as y
    inner join {{ ref('panel_plants') }} as p on y.plant_id = p.plant_id
    group by p.city_id, p.segment_id, y.year
),

known as (
    -- where no plant of the panel has an employment figure, employment is unknown, not zero
    select count(employment) > 0 as has_employment
    from {{ ref('panel_plant_year') }}
),

filled as (
    select
        g.city_id,
        g.segment_id,
        g.year,
        case when k.has_employment then coalesce(c.employment, 0) end as employment,
        coalesce(c.plants, 0) as plants
    from grid as g
    cross join known as k
    left join cells as c on g.city_id = c.city_id and g.segment_id = c.segment_id and g.year = c.year
),

margins as (
    select
        f.*,
        {{ ordered_sum('employment') }} over (partition by city_id, year) as city_employment,
        {{ ordered_sum('employment') }} over (partition by segment_id, year) as segment_employment,
        {{ ordered_sum('employment') }} over (partition by year) as total_employment,
        sum(plants) over (partition by city_id, year) as city_plants,
        sum(plants) over (partition by segment_id, year) as segment_plants,
        sum(plants) over (partition by year) as total_plants
    from filled as f
),

measured as (
    select
        m.*,
        (employment / nullif(city_employment, 0)) / nullif(segment_employment / nullif(total_employment, 0), 0) as lq_employment,
        (plants / nullif(city_plants, 0)::double) / nullif(segment_plants / nullif(total_plants, 0)::double, 0) as lq_plants,
        case
            when city_plants = 0 or segment_plants = 0 then null
            when segment_plants = total_plants then 1.0
            else {{ binomial_tail('plants', 'city_plants', '(segment_plants / total_plants::double)') }}
        end as p_binomial
    from margins as m
),

-- Benjamini-Hochberg (1995) over all defined cells of a year
ranked as (
    select
        city_id,
        segment_id,
        year,
        p_binomial * count(*) over (partition by year)
        / row_number() over (partition by year order by p_binomial, city_id, segment_id) as q_raw,
        row_number() over (partition by year order by p_binomial, city_id, segment_id) as p_rank
    from measured
    where p_binomial is not null
),

adjusted as (
    select
        city_id,
        segment_id,
        year,
        least(1.0, min(q_raw) over (
            partition by year order by p_rank rows between current row and unbounded following
        )) as q_bh
    from ranked
)

select
    m.city_id,
    m.segment_id,
    m.year::integer as year,
    m.employment::double as employment,
    m.plants::bigint as plants,
    m.lq_employment::double as lq_employment,
    m.lq_plants::double as lq_plants,
    -- Wilson interval of the city's share, over the nation's share
    ({{ wilson_lo('m.plants', 'm.city_plants') }} / nullif(m.segment_plants / nullif(m.total_plants, 0)::double, 0))::double as lq_lo,
    ({{ wilson_hi('m.plants', 'm.city_plants') }} / nullif(m.segment_plants / nullif(m.total_plants, 0)::double, 0))::double as lq_hi,
    m.p_binomial::double as p_binomial,
    a.q_bh::double as q_bh,
    m.city_plants < 5 as low_n,
    case
        when m.total_plants = 0 then 'no plant in the year'
        when m.city_plants = 0 then 'the city has no plant in the year'
        when m.segment_plants = 0 then 'the segment has no plant in the year'
        when m.employment is null then 'employment of plants unknown: lq_employment undefined'
        when m.lq_employment is null then 'no employment in the city or the segment'
    end as null_reason
from measured as m
left join adjusted as a on m.city_id = a.city_id and m.segment_id = a.segment_id and m.year = a.year
