-- One row per fifth of the cities by budget revenue, all of one year: who takes stakes in makers, who hands out what, and where the plants stand.
with cities as (
    select
        city_id,
        budget_revenue_100m_cny as revenue,
        budget_revenue_year as revenue_year,
        budget_revenue_support as revenue_support,
        ntile(5) over (order by budget_revenue_100m_cny, city_id) as fifth
    from {{ ref('int_cities') }}
    where budget_revenue_100m_cny is not null
),

documents as (
    select
        d.place_id as city_id,
        count(distinct d.policy_id) as n_documents,
        bool_or(i.seed_tool = 'capital participation' and c.direction = 'support') as has_capital,
        bool_or(i.seed_tool = 'subsidies' and c.direction = 'support') as has_subsidies
    from {{ ref('int_policies__documents') }} as d
    inner join {{ ref('int_policies__coded') }} as c on d.policy_id = c.policy_id
    inner join {{ ref('instruments') }} as i on c.instrument_id = i.instrument_id
    where d.place_id is not null and d.place_id <> '100000'
    group by d.place_id
),

plants as (
    select
        city_id,
        n_ev_plants
    from {{ ref('mart_cluster') }}
    where year = (select max(year) from {{ ref('mart_cluster') }})
),

failures as (
    select
        city_id,
        count(*) filter (where closed_year is not null) as n_closed,
        count(*) as n_ever
    from {{ ref('int_plants__located') }}
    where segment_id = 'oem' and powertrain_at_opening = 'ev' and city_id is not null
    group by city_id
)

select
    c.fifth::integer as revenue_fifth,
    count(*)::integer as n_cities,
    min(c.revenue)::double as revenue_lowest_100m_cny,
    max(c.revenue)::double as revenue_highest_100m_cny,
    count(d.city_id)::integer as n_cities_with_documents,
    (count(*) filter (where d.has_capital))::integer as n_cities_capital_participation,
    (count(*) filter (where d.has_subsidies))::integer as n_cities_subsidies,
    ((count(*) filter (where d.has_capital)) / nullif(sum(count(*) filter (where d.has_capital)) over (), 0))::double as share_of_capital_participation,
    coalesce(sum(p.n_ev_plants), 0)::integer as n_ev_plants,
    (coalesce(sum(p.n_ev_plants), 0) / nullif(sum(sum(p.n_ev_plants)) over (), 0))::double as share_of_ev_plants,
    coalesce(sum(f.n_ever), 0)::integer as n_ev_makers_plants_ever,
    coalesce(sum(f.n_closed), 0)::integer as n_ev_makers_plants_closed,
    case
        when sum(count(*) filter (where d.has_capital)) over () < 10
            then 'capital participation is known for ' || sum(count(*) filter (where d.has_capital)) over () || ' cities: too few to read the shares'
    end as null_reason,
    {{ stamp() }},
    max(c.revenue_year)::integer as revenue_year,
    (count(*) filter (where c.revenue_support = 'unverified'))::integer as n_revenue_unverified
from cities as c
left join documents as d on c.city_id = d.city_id
left join plants as p on c.city_id = p.city_id
left join failures as f on c.city_id = f.city_id
cross join {{ ref('int_build') }} as b
group by c.fifth, b.method_version, b.as_of, b.vintage_id
