-- One row per prefecture-level city: place, size and fiscal capacity, each figure with its year and support.
with latest as (
    select
        city_adcode,
        field,
        year,
        value,
        support,
        source_url
    from {{ ref('stg_curated_output__fiscal') }}
    where value is not null
    qualify row_number() over (
        partition by city_adcode, field
        order by (support = 'seen') desc, year desc, confidence = 'high' desc, value, support, source_url
    ) = 1
)

select
    c.city_adcode,
    c.name_zh,
    c.name_zh_short,
    c.name_en,
    c.province_adcode,
    c.province_zh,
    c.province_en,
    c.longitude,
    c.latitude,
    c.coordinate_source,
    coalesce(p.value, c.population_10k) as population_10k,
    g.value as gdp_100m_cny,
    g.year as gdp_year,
    g.support as gdp_support,
    r.value as budget_revenue_100m_cny,
    r.year as budget_revenue_year,
    r.support as budget_revenue_support,
    r.value * 1e4 / nullif(coalesce(p.value, c.population_10k), 0) as budget_revenue_per_head_cny
from {{ ref('cities') }} as c
left join latest as g on c.city_adcode = g.city_adcode and g.field = 'gdp'
left join latest as r on c.city_adcode = r.city_adcode and r.field = 'budget_revenue'
left join latest as p on c.city_adcode = p.city_adcode and p.field = 'population'
