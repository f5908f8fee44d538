-- Ellison-Glaeser (1997) with the benchmark x_c = a city's share of all segments, the z of G, and the locational Gini.
with plants as (
    select
        p.plant_id,
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
        {{ ordered_sum('x * x') }} as x2,
        {{ ordered_sum('x * x * x') }} as x3
    from benchmark
    group by year
),

plant_shares as (
    select
        segment_id,
        year,
        count(*) as n_plants,
        {{ ordered_sum('z * z') }} as plant_hhi,
        {{ ordered_sum('z * z * z * z') }} as z4
    from (
        select
            segment_id,
            year,
            size / {{ ordered_sum('size') }} over (partition by segment_id, year) as z
        from plants
    )
    group by segment_id, year
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

pairs as (
    select
        g.segment_id,
        b.city_id,
        b.year,
        coalesce(c.s, 0) as s,
        b.x
    from benchmark as b
    inner join plant_shares as g on b.year = g.year
    left join segment_city as c on b.city_id = c.city_id and b.year = c.year and g.segment_id = c.segment_id
),

raw as (
    select
        segment_id,
        year,
        {{ ordered_sum('(s - x) * (s - x)') }} as g_raw
    from pairs
    group by segment_id, year
),

-- Lorenz curve of the segment's shares against all segments' shares, cities ordered by s / x
lorenz as (
    select
        segment_id,
        year,
        s,
        x,
        (sum({{ exact('s') }}) over w)::double as cum_s,
        (sum({{ exact('x') }}) over w)::double as cum_x
    from pairs
    window w as (partition by segment_id, year order by s / x, city_id rows unbounded preceding)
),

gini as (
    select
        segment_id,
        year,
        1 - {{ ordered_sum('x * (2 * cum_s - s)') }} as gini
    from lorenz
    group by segment_id, year
),

joined as (
    select
        p.segment_id,
        p.year,
        r.g_raw,
        p.plant_hhi,
        p.n_plants,
        m.x2,
        -- Ellison and Glaeser 1997, p. 907: variance of G under random location
        2 * (
            p.plant_hhi * p.plant_hhi * (m.x2 - 2 * m.x3 + m.x2 * m.x2)
            - p.z4 * (m.x2 - 4 * m.x3 + 3 * m.x2 * m.x2)
        ) as var_g,
        i.gini
    from plant_shares as p
    inner join raw as r on p.segment_id = r.segment_id and p.year = r.year
    inner join moments as m on p.year = m.year
    inner join gini as i on p.segment_id = i.segment_id and p.year = i.year
)

select
    segment_id,
    year::integer as year,
    case
        when n_plants > 1 and {{ below('plant_hhi', '1') }} and {{ below('x2', '1') }}
            then (g_raw - (1 - x2) * plant_hhi) / ((1 - x2) * (1 - plant_hhi))
    end::double as eg_gamma,
    g_raw::double as eg_g,
    case when n_plants > 1 and {{ below('x2', '1') }} and {{ above('var_g / (plant_hhi * plant_hhi)', '0') }} then (g_raw - (1 - x2) * plant_hhi) / sqrt(var_g) end::double as eg_z,
    plant_hhi::double as plant_hhi,
    n_plants::integer as n_plants,
    -- half of Hoover's Gini, the scale of EconGeo's locational.Gini
    (gini / 2)::double as locational_gini,
    n_plants < 10 as low_n,
    case
        when n_plants = 1 then 'one plant: concentration is undefined'
        when {{ at_least('x2', '1') }} then 'all plants stand in one city'
        when {{ at_least('plant_hhi', '1') }} then 'one plant has all of the segment'
    end as null_reason
from joined
