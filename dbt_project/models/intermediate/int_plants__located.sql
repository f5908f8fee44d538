-- One row per plant of every source, in a city (and in a district where one is known), with its firm and group.
with curated as (
    select
        p.plant_id,
        'curated_plants' as source,
        p.operator,
        p.plant_name,
        p.city_adcode,
        p.district_zh,
        p.district_support,
        cast(null as double) as longitude,
        cast(null as double) as latitude,
        p.segment,
        p.product,
        p.opened_year,
        p.opened_support,
        p.closed_year,
        p.closed_support,
        p.capacity,
        p.capacity_unit,
        p.capacity_year,
        p.capacity_support,
        p.powertrain_at_opening,
        p.converted_from_ice,
        p.converted_year,
        p.predecessor_text,
        p.site_group,
        p.lineage_known,
        p.support,
        p.confidence,
        p.evidence_url,
        cast(null as varchar) as null_reason
    from {{ ref('stg_curated_plants__plants') }} as p
),

brought as (
    select
        i.record_id as plant_id,
        'inbox' as source,
        coalesce(i.operator_zh, i.operator_en) as operator,
        coalesce(i.plant_name, coalesce(i.operator_zh, i.operator_en) || ' ' || i.product) as plant_name,
        coalesce(a.city_adcode, n.city_adcode) as city_adcode,
        cast(null as varchar) as district_zh,
        case when i.longitude is not null then 'derived' end as district_support,
        i.longitude,
        i.latitude,
        coalesce(
            s.segment,
            case
                when regexp_matches(lower(i.product), 'cell|batter|电池|电芯') then 'battery'
                when regexp_matches(lower(i.product), 'car|vehicle|bus|truck|suv|整车|汽车|客车|轿车') then 'oem'
                when regexp_matches(lower(i.product), 'motor|drive|电机|电驱') then 'e_drive'
                when regexp_matches(lower(i.product), 'engine|发动机|变速') then 'ice_powertrain'
                when regexp_matches(lower(i.product), 'charg|充电|换电') then 'charging'
            end
        ) as segment,
        i.product,
        i.opened_year,
        'derived' as opened_support,
        i.closed_year,
        'derived' as closed_support,
        i.capacity,
        case
            when i.capacity_unit in ('vehicles_per_year', 'vehicles/yr', 'vehicles', '辆', '辆/年') then 'vehicles_per_year'
            when i.capacity_unit in ('gwh_per_year', 'GWh', 'GWh/yr', 'gwh') then 'gwh_per_year'
            else i.capacity_unit
        end as capacity_unit,
        cast(null as integer) as capacity_year,
        'derived' as capacity_support,
        coalesce(i.powertrain_at_opening, 'unknown') as powertrain_at_opening,
        coalesce(i.converted_from_ice, 'unknown') as converted_from_ice,
        cast(null as integer) as converted_year,
        i.predecessor as predecessor_text,
        cast(null as varchar) as site_group,
        false as lineage_known,
        -- what a person brings is neither seen by the project nor recalled by it: derived from their file, as they say
        'derived' as support,
        'medium' as confidence,
        i.source_url as evidence_url,
        case
            when coalesce(a.city_adcode, n.city_adcode) is null then 'city_not_resolved:' || coalesce(i.city, i.city_adcode, '')
        end as null_reason
    from {{ ref('stg_inbox__plants') }} as i
    left join {{ ref('cities') }} as a on i.city_adcode = a.city_adcode
    left join {{ ref('int_city_names') }} as n on lower(i.city) = n.alias
    left join {{ ref('segments') }} as s on i.segment = s.segment
    qualify row_number() over (partition by i.record_id order by i.fetched_at desc, i.partition) = 1
),

all_plants as (
    select * from curated
    union all by name
    select * from brought
),

-- a firm named by a plant file is looked up by its exact name; curated operators are mapped by hand
named as (
    select
        name_key,
        min(firm_id) as firm_id
    from (
        select lower(name_zh) as name_key, firm_id from {{ ref('int_firms__resolved') }} where name_zh is not null
        union
        select lower(name_en) as name_key, firm_id from {{ ref('int_firms__resolved') }} where name_en is not null
    )
    group by name_key
    having count(distinct firm_id) = 1
),

district as (
    select
        name_zh,
        city_adcode,
        min(longitude) as longitude,
        min(latitude) as latitude
    from {{ ref('districts') }}
    where longitude is not null
    group by name_zh, city_adcode
    having count(*) = 1
),

joined as (
    select
        p.* exclude (longitude, latitude, null_reason),
        coalesce(o.firm_id, n.firm_id) as firm_id,
        coalesce(p.longitude, d.longitude, c.longitude) as longitude,
        coalesce(p.latitude, d.latitude, c.latitude) as latitude,
        case
            when p.longitude is not null then 'plant'
            when d.longitude is not null then 'district'
            when c.longitude is not null then 'city'
            else 'none'
        end as geocode_level,
        c.province_adcode,
        p.null_reason
    from all_plants as p
    left join {{ ref('int_plants__operated') }} as o on p.plant_id = o.plant_id and o.precedence = 1
    left join named as n on lower(p.operator) = n.name_key
    left join district as d on p.district_zh = d.name_zh and p.city_adcode = d.city_adcode
    left join {{ ref('cities') }} as c on p.city_adcode = c.city_adcode
)

select
    j.*,
    g.family,
    coalesce(f.group_id, f.firm_id, 'operator:' || j.operator) as group_id,
    coalesce(f.group_name, f.name_en, f.name_zh, j.operator) as group_name,
    -- from which year the plant can build EVs (or their parts): at opening, or at its conversion; NULL: never or unknown
    case
        when j.segment in ('ice_powertrain') then null
        when j.powertrain_at_opening in ('ev', 'both') then j.opened_year
        when j.segment <> 'oem' and j.powertrain_at_opening = 'unknown' then j.opened_year
        -- a holder who had left before the conversion never built EVs there
        when j.closed_year < coalesce(j.converted_year, b.this_year) then null
        when j.converted_from_ice = 'yes' then coalesce(j.converted_year, b.this_year)
        when j.converted_from_ice = 'partial' then j.converted_year
    end as ev_from_year,
    -- an ICE vehicle plant before (if ever) it changed
    (j.powertrain_at_opening in ('ice', 'both') and j.segment in ('oem', 'ice_powertrain')) as was_ice,
    (j.converted_from_ice = 'partial' and j.converted_year is null) as ev_state_unknown
from joined as j
left join {{ ref('segments') }} as g on j.segment = g.segment
left join {{ ref('int_firms__resolved') }} as f on j.firm_id = f.firm_id
cross join {{ ref('int_build') }} as b
