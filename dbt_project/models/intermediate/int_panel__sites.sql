-- Where firms of the chain have their seat or main works, below city level: points that take part in density clusters beside
-- the plants, since suppliers, chips and equipment have no plants in the list. A firm that runs a listed plant in the same
-- city, or whose group does, is left out: it would be counted twice. Never a city's centroid.
with district as (
    select
        name_zh,
        city_id,
        min(longitude) as longitude,
        min(latitude) as latitude
    from {{ ref('districts') }}
    where longitude is not null
    group by name_zh, city_id
    having count(*) = 1
),

sector as (
    select
        y.firm_id,
        min(y.city_id) as city_id,
        min(y.group_id) as group_id,
        min(y.year) as from_year,
        max(y.year) as to_year
    from {{ ref('int_firms__yearly') }} as y
    group by y.firm_id
)

select
    s.firm_id as plant_id,
    coalesce(s.longitude, d.longitude) as lon,
    coalesce(s.latitude, d.latitude) as lat,
    f.from_year,
    f.to_year,
    s.city_id,
    s.support,
    s.confidence
from {{ ref('stg_curated_firms__firm_sites') }} as s
inner join sector as f on s.firm_id = f.firm_id
left join district as d on s.district_zh = d.name_zh and s.city_id = d.city_id
where
    coalesce(s.longitude, d.longitude) is not null
    and not exists (
        select 1
        from {{ ref('int_plants__located') }} as p
        where p.city_id = s.city_id and (p.firm_id = s.firm_id or p.group_id = f.group_id)
    )
