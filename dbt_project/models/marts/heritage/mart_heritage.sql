-- One row per city and year with an EV-capable plant or an ICE past.
with threshold as (
    select 0.5 as counts_from
),

edges as (
    select
        l.ev_plant_id,
        -- a plant with two edges counts once: the chance that at least one holds
        1 - {{ ordered_product('1 - l.confidence') }} as p_any,
        bool_or(l.predecessor_city_adcode = p.city_adcode) as is_local
    from {{ ref('int_lineage__edges') }} as l
    inner join {{ ref('int_plants__located') }} as p on l.ev_plant_id = p.plant_id
    cross join threshold as t
    where {{ at_least('l.confidence', 't.counts_from') }}
    group by l.ev_plant_id
),

ice_before_2009 as (
    select
        city_adcode,
        count(*)::integer as ice_plants_before_2009,
        {{ ordered_sum('capacity') }} filter (where capacity_unit = 'vehicles_per_year') as ice_capacity,
        count(*) filter (where capacity is not null) / count(*)::double as ice_capacity_known_share
    from {{ ref('int_plants__located') }}
    where was_ice and opened_year < 2009 and city_adcode is not null
    group by city_adcode
),

-- makers of ICE vehicles or engines seated in the city: their plants may be missing from the list
ice_firms as (
    select
        f.city_adcode,
        (count(distinct f.firm_id) filter (where f.founded_year < 2009))::integer as ice_firms_before_2009,
        (count(distinct f.firm_id) filter (where f.founded_year is null))::integer as ice_firms_undated
    from {{ ref('int_firms__resolved') }} as f
    inner join {{ ref('int_firms__segmented') }} as s on f.firm_id = s.firm_id
    where s.segment in ('oem', 'ice_powertrain') and f.powertrain in ('ice', 'both') and f.city_adcode is not null
    group by f.city_adcode
),

registrations as (
    select
        city_adcode,
        sum(n_firms)::integer as ice_registrations
    from {{ ref('int_ice_registrations') }}
    where year < 2009
    group by city_adcode
),

ev as (
    select
        y.city_adcode,
        y.year,
        y.plant_id,
        y.segment,
        case when y.capacity_unit = 'vehicles_per_year' then y.capacity end as capacity,
        e.p_any,
        (e.ev_plant_id is not null) as has_edge,
        coalesce(e.is_local, false) as has_local_edge,
        -- the list of plants is not complete: a maker of that age stands for its plants
        (i.city_adcode is not null or coalesce(k.ice_firms_before_2009, 0) > 0) as in_ice_city,
        y.is_recalled
    from {{ ref('int_plants__yearly') }} as y
    left join edges as e on y.plant_id = e.ev_plant_id
    left join ice_before_2009 as i on y.city_adcode = i.city_adcode
    left join ice_firms as k on y.city_adcode = k.city_adcode
    where y.is_ev
),

shares as (
    select
        city_adcode,
        year,
        count(*)::integer as n_ev_plants,
        count(*) filter (where segment = 'oem')::integer as n_ev_vehicle_plants,
        count(*) filter (where has_edge) / count(*)::double as share_lineage_plants,
        count(*) filter (where has_local_edge) / count(*)::double as share_lineage_local,
        count(*) filter (where has_local_edge)::integer as n_lineage_local,
        count(*) filter (where has_edge)::integer as n_lineage,
        {{ ordered_sum('coalesce(p_any, 0)') }} / count(*) as share_lineage_expected,
        {{ ordered_sum('capacity') }} filter (where has_edge) as capacity_lineage,
        {{ ordered_sum('capacity') }} as capacity_all,
        count(*) filter (where not has_edge and in_ice_city) / count(*)::double as share_new_in_ice_city,
        count(*) filter (where not has_edge and not in_ice_city) / count(*)::double as share_greenfield,
        count(*) filter (where is_recalled) / count(*)::double as recalled_share
    from ev
    group by city_adcode, year
),

literature as (
    select
        city_adcode,
        string_agg(distinct reading_class, '; ' order by reading_class) as literature_reading,
        string_agg(distinct source_url, ' ; ' order by source_url) as literature_source
    from {{ ref('stg_heritage_cases__cases') }}
    where city_adcode is not null and reading_class in ('path_dependence', 'transformation', 'divergence', 'mixed')
    group by city_adcode
),

-- the heritage of a place: what its own plants, firms and sites left. An edge that comes from another city brings a firm's
-- heritage and not the place's, and does not make a city without an ICE past path-dependent.
readings as (
    select
        s.city_adcode,
        s.year,
        case
            when {{ at_least('s.share_lineage_local', '0.5') }} and s.share_greenfield = 0 and {{ below('s.share_new_in_ice_city', '0.25') }} then 'path_dependence'
            when {{ at_least('s.share_lineage_local', '0.25') }} then 'transformation'
            when coalesce(i.ice_plants_before_2009, 0) = 0 and coalesce(k.ice_firms_before_2009, 0) = 0 then 'divergence'
            else 'mixed'
        end as reading
    from shares as s
    left join ice_before_2009 as i on s.city_adcode = i.city_adcode
    left join ice_firms as k on s.city_adcode = k.city_adcode
),

grain as (
    select city_adcode, year from shares
    union
    select
        i.city_adcode,
        b.this_year as year
    from ice_before_2009 as i
    cross join {{ ref('int_build') }} as b
    union
    select
        k.city_adcode,
        b.this_year as year
    from ice_firms as k
    cross join {{ ref('int_build') }} as b
)

select
    g.city_adcode,
    g.year::integer as year,
    coalesce(i.ice_plants_before_2009, 0) as ice_plants_before_2009,
    case when i.city_adcode is null then 0.0 else i.ice_capacity end as ice_capacity,
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
    s.recalled_share::double as recalled_share,
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
left join shares as s on g.city_adcode = s.city_adcode and g.year = s.year
left join ice_before_2009 as i on g.city_adcode = i.city_adcode
left join registrations as r on g.city_adcode = r.city_adcode
left join ice_firms as k on g.city_adcode = k.city_adcode
left join literature as l on g.city_adcode = l.city_adcode
left join readings as r2 on g.city_adcode = r2.city_adcode and g.year = r2.year
cross join {{ ref('int_build') }} as b
