select
    c.city_adcode,
    c.name_zh,
    c.name_en,
    c.province_adcode,
    c.province_zh,
    c.province_en,
    c.longitude,
    c.latitude,
    c.coordinate_source,
    c.population_10k,
    c.gdp_100m_cny,
    c.gdp_year,
    c.gdp_support,
    c.budget_revenue_100m_cny,
    c.budget_revenue_year,
    c.budget_revenue_support,
    {{ stamp() }}
from {{ ref('int_cities') }} as c
cross join {{ ref('int_build') }} as b
