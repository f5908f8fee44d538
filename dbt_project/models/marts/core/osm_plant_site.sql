with sites as (
    select
        *,
        {{ name_key('coalesce(operator_zh, operator)') }} as operator_key,
        {{ name_key('coalesce(name_zh, name)') }} as site_key
    from {{ ref('stg_overpass__plant_sites') }}
),

names as (
    select
        firm_id,
        {{ name_key('name_zh') }} as name_key
    from {{ ref('int_firms__resolved') }}
    where name_zh is not null
),

-- a name that two firms bear links to neither
alone as (
    select
        name_key,
        min(firm_id) as firm_id
    from names
    group by name_key
    having count(distinct firm_id) = 1
)

select
    s.record_id as site_id,
    s.province_id,
    coalesce(s.name_zh, s.name) as name,
    s.name_en,
    coalesce(s.operator_zh, s.operator) as operator,
    s.product,
    case when s.man_made = 'works' then 'works' else 'industrial land' end as kind,
    coalesce(s.disused, 'no') != 'yes' and coalesce(s.abandoned, 'no') != 'yes' as in_use,
    s.longitude,
    s.latitude,
    coalesce(o.firm_id, n.firm_id) as firm_id,
    case when o.firm_id is not null then 'operator' when n.firm_id is not null then 'name' end as link_rule,
    coalesce(s.wikidata, s.operator_wikidata) as wikidata_item,
    s.osm_base,
    'ODbL 1.0' as licence,
    '© OpenStreetMap contributors' as attribution,
    {{ stamp() }}
from sites as s
left join alone as o on s.operator_key = o.name_key
left join alone as n on s.site_key = n.name_key
cross join {{ ref('int_build') }} as b
