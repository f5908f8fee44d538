-- One row per share of a listed company that belongs to the sector. A company belongs to it when a rule of the sector
-- speaks (its name says what it makes), when the CSRC has it in division 36 (汽车制造业), or when it is a firm of the
-- curated list: by its listing code, or by its registered name. All others stay in staging.
with shanghai as (
    select
        'sse' as source_id,
        l.record_id,
        l.name_zh,
        l.short_name as name_zh_short,
        p.name_en,
        concat_ws(';', l.stock_code, l.b_stock_code, l.company_code) as stock_codes,
        coalesce(p.located_adcode, l.located_adcode) as city_id,
        coalesce(p.place_rule, l.place_rule) as place_rule,
        concat_ws(' ', l.industry_code, l.industry, p.industry_division) as industry,
        l.in_sector or coalesce(p.in_sector, false) as in_sector,
        coalesce(p.segments, l.segments) as segments,
        l.status,
        l.listed_on
    from {{ ref('stg_sse__listed') }} as l
    left join {{ ref('stg_sse__profiles') }} as p on l.company_code = p.record_id
),

shanghai_delisted as (
    select
        'sse' as source_id,
        'delisted-' || d.record_id as record_id,
        d.name_zh,
        d.short_name as name_zh_short,
        cast(null as varchar) as name_en,
        d.company_code as stock_codes,
        cast(null as varchar) as city_id,
        cast(null as varchar) as place_rule,
        cast(null as varchar) as industry,
        false as in_sector,
        d.status,
        d.listed_on
    from {{ ref('stg_sse__delisted') }} as d
),

shenzhen as (
    select
        'szse' as source_id,
        record_id,
        name_zh,
        short_name as name_zh_short,
        name_en,
        concat_ws(';', stock_code, b_stock_code) as stock_codes,
        located_adcode as city_id,
        place_rule,
        industry,
        in_sector,
        segments,
        status,
        listed_on
    from {{ ref('stg_szse__listed') }}
),

beijing as (
    select
        'bse' as source_id,
        record_id,
        cast(null as varchar) as name_zh,
        short_name as name_zh_short,
        cast(null as varchar) as name_en,
        stock_code as stock_codes,
        located_adcode as city_id,
        place_rule,
        industry,
        in_sector,
        segments,
        status,
        listed_on
    from {{ ref('stg_bse__listed') }}
),

united as (
    select * from shanghai
    union all by name
    select * from shanghai_delisted
    union all by name
    select * from shenzhen
    union all by name
    select * from beijing
),

-- "002594.SZ;1211.HK": the codes of the mainland have six digits
known_codes as (
    select distinct regexp_extract(trim(unnest(string_split(listing_codes, ';'))), '^\d{6}') as code
    from {{ ref('stg_curated_firms__firms') }}
    where listing_codes is not null
),

known_names as (
    select distinct {{ name_key('name_zh') }} as name_key
    from {{ ref('stg_curated_firms__firms') }}
    where name_zh is not null
)

select
    u.*,
    case
        when u.in_sector then 'name'
        when regexp_matches(u.industry, '(^|\s)C?36|汽车制造') then 'industry'
        when list_has_any(string_split(u.stock_codes, ';'), (select list(code order by code) from known_codes where code != '')) then 'curated_code'
        when {{ name_key('u.name_zh') }} in (select name_key from known_names) then 'curated_name'
    end as sector_rule
from united as u
where sector_rule is not null
