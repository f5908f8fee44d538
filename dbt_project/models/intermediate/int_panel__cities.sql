-- Cities as a panel has them; GDP in million CNY, population in persons.
select
    city_id,
    province_id,
    longitude as lon,
    latitude as lat,
    population_10k * 10000.0 as population,
    gdp_100m_cny * 100.0 as gdp_cny_m
from {{ ref('int_cities') }}
