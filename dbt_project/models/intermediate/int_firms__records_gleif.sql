-- LEI records of China that may be firms of the sector: those whose Chinese name says so by the rules of the sector
-- (decided at landing), and those that are a firm already known by its USCC, its LEI or its registered name. An LEI
-- record has no industry: the rest is no evidence of anything, and would only be a list of companies.
with entities as (
    select
        *,
        {{ name_key('name_zh') }} as name_key
    from {{ ref('int_gleif__entities') }}
    where country = 'CN' and coalesce(category, 'GENERAL') = 'GENERAL'
        and registration_status not in ('DUPLICATE', 'ANNULLED')
),

known as (
    select uscc, lei, {{ name_key('name_zh') }} as name_key from {{ ref('stg_curated_firms__firms') }}
    union all
    select uscc, lei, {{ name_key('name_zh') }} as name_key from {{ ref('stg_inbox__firms_sector') }}
    union all
    select distinct null, null, {{ name_key('maker') }} as name_key from {{ ref('stg_miit__products') }}
)

select
    'gleif' as source_id,
    lei as source_record_id,
    3 as priority,
    name_zh,
    cast(null as varchar) as name_zh_short,
    name_en,
    uscc,
    lei,
    cast(null as varchar) as stock_codes,
    located_adcode as city_id,
    place_rule,
    cast(null as varchar) as other_city_id,
    left(located_adcode, 2) || '0000' as province_id,
    cast(created_on as varchar) as founded_on,
    cast(year(created_on) as integer) as founded_year,
    case entity_status when 'ACTIVE' then 'active' when 'INACTIVE' then 'closed' end as status,
    cast(null as integer) as status_year,
    cast(null as varchar) as powertrain,
    cast(null as varchar) as group_name,
    'sourced' as support,
    'official' as source_tier,
    if(in_sector, 'medium', 'low') as confidence,
    'https://search.gleif.org/#/record/' || lei as source_url,
    cast(published_on as varchar) as as_of
from entities as e
where
    in_sector
    or uscc in (select k.uscc from known as k where k.uscc is not null)
    or lei in (select k.lei from known as k where k.lei is not null)
    or name_key in (select k.name_key from known as k where k.name_key is not null)
