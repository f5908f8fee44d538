select
    c.city_id,
    c.name_zh,
    c.name_en,
    c.province_id,
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
    {{ stamp() }},
    nullif(concat_ws(
        '; ',
        case when c.gdp_100m_cny is null then 'gdp: ' || coalesce('known for ' || c.gdp_best_year || ' alone, and not compared with other years', 'no figure in any source') end,
        case
            when c.budget_revenue_100m_cny is null
                then 'budget_revenue: ' || coalesce('known for ' || c.budget_revenue_best_year || ' alone, and not compared with other years', 'no figure in any source')
        end
    ), '') as fiscal_null_reason
from {{ ref('int_cities') }} as c
cross join {{ ref('int_build') }} as b
