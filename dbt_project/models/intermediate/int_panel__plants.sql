-- The atlas's own plants in the shape of a panel: EV-capable plants alone, from the year in which they became so.
select
    plant_id,
    coalesce(firm_id, group_id) as firm_id,
    group_id,
    city_id,
    segment_id,
    case when geocode_level in ('plant', 'district') then longitude end as lon,
    case when geocode_level in ('plant', 'district') then latitude end as lat,
    geocode_level,
    ev_from_year as entry_year,
    closed_year as exit_year
from {{ ref('int_plants__located') }}
where ev_from_year is not null and city_id is not null and segment_id is not null
