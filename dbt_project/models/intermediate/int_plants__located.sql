-- One row per plant of every source, in a city (and in a district where one is known), with its firm and group.
with curated as (
    select
        p.plant_id,
        'curated_plants' as source_id,
        p.operator,
        p.plant_name,
        p.city_id,
        p.district_zh,
        p.district_support,
        cast(null as double) as longitude,
        cast(null as double) as latitude,
        p.segment_id,
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
        p.source_tier,
        p.confidence,
        p.evidence_url,
        cast(null as varchar) as null_reason
    from {{ ref('stg_curated_plants__plants') }} as p
),

-- of a plant that the list has, a supplied record corrects cells and adds no plant
corrected as (
    select
        c.* replace (
            case when list_contains(s.cells, 'opened_year') then s.opened_year else c.opened_year end as opened_year,
            case when list_contains(s.cells, 'opened_year') then s.support_found else c.opened_support end as opened_support,
            case when list_contains(s.cells, 'closed_year') then s.closed_year else c.closed_year end as closed_year,
            case when list_contains(s.cells, 'closed_year') then s.support_found else c.closed_support end as closed_support,
            case when list_contains(s.cells, 'capacity') then s.capacity else c.capacity end as capacity,
            case when list_contains(s.cells, 'capacity') then s.capacity_unit_found else c.capacity_unit end as capacity_unit,
            case when list_contains(s.cells, 'capacity') then null else c.capacity_year end as capacity_year,
            case when list_contains(s.cells, 'capacity') then s.support_found else c.capacity_support end as capacity_support,
            case when list_contains(s.cells, 'powertrain_at_opening') then s.powertrain_at_opening else c.powertrain_at_opening end
                as powertrain_at_opening,
            case when list_contains(s.cells, 'converted_from_ice') then s.converted_from_ice else c.converted_from_ice end as converted_from_ice,
            case when list_contains(s.cells, 'converted_year') then s.converted_year else c.converted_year end as converted_year,
            s.longitude as longitude,
            s.latitude as latitude,
            coalesce(c.evidence_url, s.source_url) as evidence_url
        ),
        coalesce(list_contains(s.cells, 'capacity'), false) as capacity_is_supplied
    from curated as c
    left join (
        select
            * exclude (columns_changed),
            string_split(columns_changed, ';') as cells
        from {{ ref('int_plants__supplied') }}
        where outcome = 'corrected'
    ) as s on c.plant_id = s.listed_plant_id
),

supplied as (
    select
        i.record_id as plant_id,
        'inbox' as source_id,
        i.operator,
        coalesce(i.plant_name, i.operator || ' ' || i.product) as plant_name,
        i.located_adcode as city_id,
        cast(null as varchar) as district_zh,
        case when i.longitude is not null then i.support_found end as district_support,
        i.longitude,
        i.latitude,
        i.segment_found as segment_id,
        i.product,
        i.opened_year,
        i.support_found as opened_support,
        i.closed_year,
        i.support_found as closed_support,
        i.capacity,
        i.capacity_unit_found as capacity_unit,
        cast(null as integer) as capacity_year,
        i.support_found as capacity_support,
        coalesce(i.powertrain_at_opening, 'unknown') as powertrain_at_opening,
        coalesce(i.converted_from_ice, 'unknown') as converted_from_ice,
        i.converted_year,
        i.predecessor as predecessor_text,
        cast(null as varchar) as site_group,
        false as lineage_known,
        i.support_found as support,
        if(i.source_url is null, 'low', 'medium') as confidence,
        i.source_url as evidence_url,
        i.firm_id as supplied_firm_id,
        case when i.located_adcode is null then 'city_not_resolved:' || coalesce(i.city, i.city_id, '') end as null_reason
    from {{ ref('int_plants__supplied') }} as i
    where i.is_plant
),

all_plants as (
    select * from corrected
    union all by name
    select * from supplied
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
        city_id,
        min(longitude) as longitude,
        min(latitude) as latitude
    from {{ ref('districts') }}
    where longitude is not null
    group by name_zh, city_id
    having count(*) = 1
),

joined as (
    select
        p.* exclude (longitude, latitude, null_reason, supplied_firm_id),
        coalesce(o.firm_id, n.firm_id, p.supplied_firm_id) as firm_id,
        coalesce(p.longitude, d.longitude, c.longitude) as longitude,
        coalesce(p.latitude, d.latitude, c.latitude) as latitude,
        case
            when p.longitude is not null then 'plant'
            when d.longitude is not null then 'district'
            when c.longitude is not null then 'city'
            else 'none'
        end as geocode_level,
        c.province_id,
        p.null_reason
    from all_plants as p
    left join {{ ref('int_plants__operated') }} as o on p.plant_id = o.plant_id and o.precedence = 1
    left join named as n on lower(p.operator) = n.name_key
    left join district as d on p.district_zh = d.name_zh and p.city_id = d.city_id
    left join {{ ref('cities') }} as c on p.city_id = c.city_id
)

select
    j.*,
    g.family,
    coalesce(f.group_id, f.firm_id, 'operator:' || j.operator) as group_id,
    coalesce(f.group_name, f.name_en, f.name_zh, j.operator) as group_name,
    -- from which year the plant can build EVs (or their parts): at opening, or at its conversion; NULL: never or unknown
    case
        when j.segment_id in ('ice_powertrain') then null
        when j.powertrain_at_opening in ('ev', 'both') then j.opened_year
        when j.segment_id <> 'oem' and j.powertrain_at_opening = 'unknown' then j.opened_year
        -- a holder who had left before the conversion never built EVs there
        when j.closed_year < coalesce(j.converted_year, b.this_year) then null
        -- a supplied conversion without its year happened in a year that nobody states
        when j.source_id = 'inbox' and j.converted_year is null then null
        when j.converted_from_ice = 'yes' then coalesce(j.converted_year, b.this_year)
        when j.converted_from_ice = 'partial' then j.converted_year
    end as ev_from_year,
    -- an ICE vehicle plant before (if ever) it changed
    (j.powertrain_at_opening in ('ice', 'both') and j.segment_id in ('oem', 'ice_powertrain')) as was_ice,
    (
        (j.converted_from_ice = 'partial' or (j.converted_from_ice = 'yes' and j.source_id = 'inbox')) and j.converted_year is null
    ) as ev_state_unknown
from joined as j
left join {{ ref('segments') }} as g on j.segment_id = g.segment_id
left join {{ ref('int_firms__resolved') }} as f on j.firm_id = f.firm_id
cross join {{ ref('int_build') }} as b
