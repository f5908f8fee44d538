-- One row per prefecture-level city: place, size and fiscal capacity. GDP and revenue are of one year for all cities, the year in
-- which most are known, so that no column holds 2013 beside 2025; the best supported figure of whatever year stands beside them.
with figures as (
    select
        city_id,
        field,
        year,
        value,
        support,
        confidence,
        source_url
    from {{ ref('stg_curated_output__fiscal') }}
    where value is not null
),

common as (
    select
        field,
        year
    from figures
    where field in ('gdp', 'budget_revenue')
    group by field, year
    qualify row_number() over (partition by field order by count(distinct city_id) desc, year desc) = 1
),

-- sourced before unverified, and of the sourced the newest
best as (
    select * from figures
    qualify row_number() over (
        partition by city_id, field
        order by (support = 'sourced') desc, year desc, confidence = 'high' desc, value, support, source_url
    ) = 1
),

same_year as (
    select f.*
    from figures as f
    inner join common as y on f.field = y.field and f.year = y.year
    qualify row_number() over (
        partition by f.city_id, f.field
        order by (f.support = 'sourced') desc, f.confidence = 'high' desc, f.value, f.support, f.source_url
    ) = 1
)

select
    c.city_id,
    c.name_zh,
    c.name_zh_short,
    -- several cities share an English name: the province tells them apart
    if(count(*) over (partition by c.name_en) > 1, c.name_en || ' (' || c.province_en || ')', c.name_en) as name_en,
    c.province_id,
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
    r.value * 1e4 / nullif(coalesce(p.value, c.population_10k), 0) as budget_revenue_per_head_cny,
    bg.value as gdp_best_100m_cny,
    bg.year as gdp_best_year,
    bg.support as gdp_best_support,
    br.value as budget_revenue_best_100m_cny,
    br.year as budget_revenue_best_year,
    br.support as budget_revenue_best_support
from {{ ref('cities') }} as c
left join same_year as g on c.city_id = g.city_id and g.field = 'gdp'
left join same_year as r on c.city_id = r.city_id and r.field = 'budget_revenue'
left join best as bg on c.city_id = bg.city_id and bg.field = 'gdp'
left join best as br on c.city_id = br.city_id and br.field = 'budget_revenue'
left join best as p on c.city_id = p.city_id and p.field = 'population'
