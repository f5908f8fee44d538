-- One record per maker of the MIIT announcements. A maker there has a name and no number and no place; it makes vehicles,
-- which is seen. Its seat is not guessed from its name.
select
    'miit' as source_id,
    maker as source_record_id,
    4 as priority,
    maker as name_zh,
    cast(null as varchar) as name_zh_short,
    cast(null as varchar) as name_en,
    cast(null as varchar) as uscc,
    cast(null as varchar) as lei,
    cast(null as varchar) as stock_codes,
    cast(null as varchar) as city_id,
    cast(null as varchar) as place_rule,
    cast(null as varchar) as other_city_id,
    cast(null as varchar) as province_id,
    cast(null as varchar) as founded_on,
    cast(null as integer) as founded_year,
    cast(null as varchar) as status,
    cast(null as integer) as status_year,
    -- it announced electric vehicles; whether it makes others too is not asked
    cast(null as varchar) as powertrain,
    cast(null as varchar) as group_name,
    'sourced' as support,
    'official' as source_tier,
    'high' as confidence,
    'https://service.miit-eidc.org.cn/miitxxgk/gonggao/xxgk/queryByPc?pc=' || max(batch) || '&querylb=cp&qyinfolb='
        as source_url,
    'batch ' || max(batch) as as_of
from {{ ref('stg_miit__products') }}
group by maker
