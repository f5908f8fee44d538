-- One row per city, segment and year: firms, EV-chain plants and capacity, before any ratio is taken.
with plants as (
    select
        city_id,
        segment_id,
        year,
        count(*) filter (where is_ev or segment_id = 'ice_powertrain') as n_plants,
        {{ ordered_sum('capacity') }} filter (where is_ev and capacity_unit = 'vehicles_per_year') as capacity_vehicles,
        {{ ordered_sum('capacity') }} filter (where is_ev and capacity_unit = 'gwh_per_year') as capacity_gwh,
        count(*) filter (where is_ev and capacity is not null) as n_capacity_known,
        count(*) filter (where is_unverified) as n_unverified
    from {{ ref('int_plants__yearly') }}
    where segment_id is not null
    group by city_id, segment_id, year
),

firms as (
    select
        y.city_id,
        s.segment_id,
        y.year,
        count(distinct y.firm_id) as n_firms,
        sum(s.share) as firm_weight,
        count(distinct y.firm_id) filter (where y.is_unverified or s.support = 'unverified') as n_unverified
    from {{ ref('int_firms__yearly') }} as y
    inner join {{ ref('int_firms__segmented') }} as s on y.firm_id = s.firm_id
    group by y.city_id, s.segment_id, y.year
)

select
    coalesce(p.city_id, f.city_id) as city_id,
    coalesce(p.segment_id, f.segment_id) as segment_id,
    coalesce(p.year, f.year) as year,
    coalesce(f.n_firms, 0) as n_firms,
    coalesce(f.firm_weight, 0)::decimal(38, 15) as firm_weight,
    coalesce(p.n_plants, 0) as n_plants,
    p.capacity_vehicles,
    p.capacity_gwh,
    coalesce(p.n_capacity_known, 0) as n_capacity_known,
    coalesce(p.n_unverified, 0) + coalesce(f.n_unverified, 0) as n_unverified
from plants as p
full join firms as f on p.city_id = f.city_id and p.segment_id = f.segment_id and p.year = f.year
