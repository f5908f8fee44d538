-- Dependence of a city on its largest group: CR1, CR4, Herfindahl over groups, and the location quotient (on the
-- city's share of all size over its share of population) after that group is taken out.
with groups as (
    select
        p.city_id,
        coalesce(p.group_id, p.firm_id) as group_id,
        y.year,
        {{ ordered_sum('y.size') }} as size
    from {{ ref('panel_plant_year') }} as y
    inner join {{ ref('panel_plants') }} as p on y.plant_id = p.plant_id
    where y.size > 0
    group by p.city_id, coalesce(p.group_id, p.firm_id), y.year
),

ranked as (
    select
        city_id,
        year,
        size,
        size / {{ ordered_sum('size') }} over (partition by city_id, year) as z,
        row_number() over (partition by city_id, year order by {{ rankable('size') }} desc, group_id) as place
    from groups
),

cities as (
    select
        city_id,
        year,
        {{ ordered_sum('size') }} as size,
        max(size) as anchor_size,
        max(z) as cr1,
        {{ ordered_sum('z') }} filter (where place <= 4) as cr4,
        {{ ordered_sum('z * z') }} as firm_hhi,
        count(*) as n_firms
    from ranked
    group by city_id, year
),

nation as (
    select
        year,
        {{ ordered_sum('size') }} as size
    from cities
    group by year
),

people as (
    select
        city_id,
        population / {{ ordered_sum('population') }} over () as share
    from {{ ref('panel_cities') }}
    where population > 0
)

select
    c.city_id,
    c.year::integer as year,
    c.cr1::double as cr1,
    c.cr4::double as cr4,
    c.firm_hhi::double as firm_hhi,
    c.n_firms::integer as n_firms,
    case
        when c.n_firms = 1 then 0.0
        else ((c.size - c.anchor_size) / nullif(n.size - c.anchor_size, 0)) / nullif(p.share, 0)
    end::double as lq_without_anchor,
    case when c.n_firms > 1 and p.share is null then 'population of the city unknown' end as null_reason
from cities as c
inner join nation as n on c.year = n.year
left join people as p on c.city_id = p.city_id
