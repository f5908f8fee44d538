-- One row per plant and year in which it stood, from 1990 to the year of the data. A plant without an opening year
-- cannot be placed in time: it is counted in the year of the data only, and marked so.
with years as (
    select unnest(generate_series(1990, (select this_year from {{ ref('int_build') }})))::integer as year
),

dated as (
    select
        plant_id,
        coalesce(opened_year, (select this_year from {{ ref('int_build') }})) as from_year,
        coalesce(closed_year, 9999) as until_year
    from {{ ref('int_plants__located') }}
    where city_id is not null
),

stood as (
    select
        d.plant_id,
        y.year
    from dated as d
    inner join years as y on d.from_year <= y.year and d.until_year > y.year
)

-- the capacity that was built by a year: the newest dated figure not after it; else the plant's own figure. A supplied figure that
-- stands against the dated ones (int_plants__supplied) has no year of its own, and counts as the plant's own in every year.
select
    s.plant_id,
    s.year,
    p.city_id,
    p.segment_id,
    p.family,
    p.group_id,
    p.group_name,
    p.firm_id,
    if(p.capacity_is_supplied, p.capacity, coalesce(h.capacity, p.capacity)) as capacity,
    coalesce(p.capacity_unit, h.capacity_unit) as capacity_unit,
    case
        when h.capacity is not null and not coalesce(p.capacity_is_supplied, false) then 'dated'
        when p.capacity is not null then 'nameplate'
    end as capacity_basis,
    (p.ev_from_year is not null and p.ev_from_year <= s.year) as is_ev,
    (p.was_ice and not coalesce(p.converted_from_ice = 'yes' and p.ev_from_year <= s.year, false)) as is_ice,
    (p.ev_state_unknown and s.year >= {{ first_ev_year() }}) as ev_state_unknown,
    p.opened_year is null as undated,
    (coalesce(p.opened_support, 'unverified') = 'unverified' or p.confidence = 'low') as is_unverified
from stood as s
inner join {{ ref('int_plants__located') }} as p on s.plant_id = p.plant_id
asof left join {{ ref('int_plants__built') }} as h on s.plant_id = h.plant_id and s.year >= h.year
