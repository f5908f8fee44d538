-- One row per city and year with an EV-capable plant or an ICE past.
with threshold as (
    select 0.5 as counts_from
),

edges as (
    select
        l.plant_id,
        -- a plant with two edges counts once: the chance that at least one holds
        1 - {{ ordered_product('1 - l.confidence') }} as p_any,
        bool_or(l.predecessor_city_id = p.city_id) as is_local
    from {{ ref('int_lineage__edges') }} as l
    inner join {{ ref('int_plants__located') }} as p on l.plant_id = p.plant_id
    cross join threshold as t
    where {{ at_least('l.confidence', 't.counts_from') }}
    group by l.plant_id
),

ice_before_2009 as (
    select
        city_id,
        count(*)::integer as ice_plants_before_2009,
        {{ ordered_sum('capacity') }} filter (where capacity_unit = 'vehicles_per_year') as ice_capacity,
        count(*) filter (where capacity is not null) / count(*)::double as ice_capacity_known_share
    from {{ ref('int_plants__located') }}
    where was_ice and opened_year < 2009 and city_id is not null
    group by city_id
),

-- makers of ICE vehicles or engines seated in the city: their plants may be missing from the list
ice_firms as (
    select
        f.city_id,
        (count(distinct f.firm_id) filter (where f.founded_year < 2009))::integer as ice_firms_before_2009,
        (count(distinct f.firm_id) filter (where f.founded_year is null))::integer as ice_firms_undated
    from {{ ref('int_firms__resolved') }} as f
    inner join {{ ref('int_firms__segmented') }} as s on f.firm_id = s.firm_id
    where s.segment_id in ('oem', 'ice_powertrain') and f.powertrain in ('ice', 'both') and f.city_id is not null
    group by f.city_id
),

registrations as (
    select
        city_id,
        sum(n_firms)::integer as ice_registrations
    from {{ ref('int_ice_registrations') }}
    where year < 2009
    group by city_id
),

ev as (
    select
        y.city_id,
        y.year,
        y.plant_id,
        y.segment_id,
        case when y.capacity_unit = 'vehicles_per_year' then y.capacity end as capacity,
        e.p_any,
        (e.plant_id is not null) as has_edge,
        coalesce(e.is_local, false) as has_local_edge,
        -- the list of plants is not complete: a maker of that age stands for its plants
        (i.city_id is not null or coalesce(k.ice_firms_before_2009, 0) > 0) as in_ice_city,
        y.is_unverified
    from {{ ref('int_plants__yearly') }} as y
    left join edges as e on y.plant_id = e.plant_id
    left join ice_before_2009 as i on y.city_id = i.city_id
    left join ice_firms as k on y.city_id = k.city_id
    where y.is_ev
),

shares as (
    select
        city_id,
        year,
        count(*)::integer as n_ev_plants,
        count(*) filter (where segment_id = 'oem')::integer as n_ev_vehicle_plants,
        count(*) filter (where has_edge) / count(*)::double as share_lineage_plants,
        count(*) filter (where has_local_edge) / count(*)::double as share_lineage_local,
        count(*) filter (where has_local_edge)::integer as n_lineage_local,
        count(*) filter (where has_edge)::integer as n_lineage,
        {{ ordered_sum('coalesce(p_any, 0)') }} / count(*) as share_lineage_expected,
        {{ ordered_sum('capacity') }} filter (where has_edge) as capacity_lineage,
        {{ ordered_sum('capacity') }} as capacity_all,
        count(*) filter (where not has_edge and in_ice_city) / count(*)::double as share_new_in_ice_city,
        count(*) filter (where not has_edge and not in_ice_city) / count(*)::double as share_greenfield,
        count(*) filter (where is_unverified) / count(*)::double as unverified_share
    from ev
    group by city_id, year
),

literature as (
    select
        city_id,
        string_agg(distinct reading_class, '; ' order by reading_class) as literature_reading,
        string_agg(distinct source_url, ' ; ' order by source_url) as literature_source
    from {{ ref('stg_heritage_cases__cases') }}
    where city_id is not null and reading_class in ('path_dependence', 'transformation', 'divergence', 'mixed')
    group by city_id
),

-- the heritage of a place: what its own plants, firms and sites left. An edge that comes from another city brings a firm's
-- heritage and not the place's, and does not make a city without an ICE past path-dependent.
readings as (
    select
        s.city_id,
        s.year,
        case
            when {{ at_least('s.share_lineage_local', '0.5') }} and s.share_greenfield = 0 and {{ below('s.share_new_in_ice_city', '0.25') }} then 'path_dependence'
            when {{ at_least('s.share_lineage_local', '0.25') }} then 'transformation'
            when coalesce(i.ice_plants_before_2009, 0) = 0 and coalesce(k.ice_firms_before_2009, 0) = 0 then 'divergence'
            else 'mixed'
        end as reading
    from shares as s
    left join ice_before_2009 as i on s.city_id = i.city_id
    left join ice_firms as k on s.city_id = k.city_id
),

grain as (
    select city_id, year from shares
    union
    select
        i.city_id,
        b.this_year as year
    from ice_before_2009 as i
    cross join {{ ref('int_build') }} as b
    union
    select
        k.city_id,
        b.this_year as year
    from ice_firms as k
    cross join {{ ref('int_build') }} as b
)

select
    g.city_id,
    g.year::integer as year,
    coalesce(i.ice_plants_before_2009, 0) as ice_plants_before_2009,
    case when i.city_id is null then 0.0 else i.ice_capacity end as ice_capacity,
    i.ice_capacity_known_share,
    r.ice_registrations,
    coalesce(k.ice_firms_before_2009, 0) as ice_firms_before_2009,
    coalesce(k.ice_firms_undated, 0) as ice_firms_undated,
    coalesce(s.n_ev_plants, 0) as n_ev_plants,
    coalesce(s.n_ev_vehicle_plants, 0) as n_ev_vehicle_plants,
    s.share_lineage_plants::double as share_lineage_plants,
    s.share_lineage_expected::double as share_lineage_expected,
    (case when s.capacity_all > 0 then coalesce(s.capacity_lineage, 0) / s.capacity_all end)::double as share_lineage_capacity,
    s.share_new_in_ice_city::double as share_new_in_ice_city,
    s.share_greenfield::double as share_greenfield,
    r2.reading,
    l.literature_reading,
    l.literature_source,
    s.unverified_share::double as unverified_share,
    case
        when s.n_ev_plants is null then 'no EV plant (born or converted) known: shares are undefined'
        when s.capacity_all is null then 'capacity of the EV plants unknown'
        when r.ice_registrations is null then 'no registration file landed: ice_registrations unknown'
    end as null_reason,
    {{ stamp() }},
    s.share_lineage_local::double as share_lineage_local,
    {{ wilson_lo('s.n_lineage', 's.n_ev_plants') }}::double as share_lineage_lo,
    {{ wilson_hi('s.n_lineage', 's.n_ev_plants') }}::double as share_lineage_hi,
    contains(l.literature_reading, r2.reading) as readings_agree
from grain as g
left join shares as s on g.city_id = s.city_id and g.year = s.year
left join ice_before_2009 as i on g.city_id = i.city_id
left join registrations as r on g.city_id = r.city_id
left join ice_firms as k on g.city_id = k.city_id
left join literature as l on g.city_id = l.city_id
left join readings as r2 on g.city_id = r2.city_id and g.year = r2.year
cross join {{ ref('int_build') }} as b
