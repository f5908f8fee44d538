-- One row per name that means exactly one city: official, short and English names, and the aliases of the seed.
with names as (
    select name_zh as alias, city_id from {{ ref('cities') }}
    union
    select name_zh_short as alias, city_id from {{ ref('cities') }}
    union
    select lower(name_en) as alias, city_id from {{ ref('cities') }}
    union
    select lower(alias) as alias, city_id from {{ ref('city_aliases') }}
)

select
    alias,
    min(city_id) as city_id
from names
where alias is not null
group by alias
having count(distinct city_id) = 1
