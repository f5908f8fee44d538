-- One row per record of a firm in any source, in one shape: what who-is-who compares. A record without a name in
-- Chinese or English, a USCC, an LEI or a listing code could never be linked and is left out.
-- A USCC counts only with the right check character (GB 32100-2015), an LEI only with 18 + 2 characters.
with curated as (
    select
        'curated_firms' as source_id,
        firm_id as source_record_id,
        1 as priority,
        name_zh,
        name_zh_short,
        name_en,
        uscc,
        lei,
        listing_codes as stock_codes,
        -- where the firm works comes before where it is registered
        coalesce(hq_city_id, reg_city_id) as city_id,
        case
            when hq_city_id is not null then 'curated_hq'
            when reg_city_id is not null then 'curated_registration'
        end as place_rule,
        reg_city_id as other_city_id,
        hq_province_id as province_id,
        cast(founded_year as varchar) as founded_on,
        founded_year,
        status,
        status_year,
        powertrain,
        group_name,
        support,
        source_tier,
        confidence,
        source_ref as source_url,
        cast(null as varchar) as as_of
    from {{ ref('stg_curated_firms__firms') }}
),

-- a firm in several files, or at several dates, is one record for each file
brought as (
    select
        'inbox' as source_id,
        partition || '/' || record_id as source_record_id,
        2 as priority,
        name_zh,
        cast(null as varchar) as name_zh_short,
        name_en,
        uscc,
        lei,
        stock_code as stock_codes,
        located_adcode as city_id,
        place_rule,
        cast(null as varchar) as other_city_id,
        left(located_adcode, 2) || '0000' as province_id,
        founded_on,
        founded_year,
        case
            when regexp_matches(status, '注销|吊销|撤销|清算|停业|歇业|迁出|closed|dissolved|revoked') then 'closed'
            when regexp_matches(status, '破产|bankrupt') then 'bankrupt'
            when regexp_matches(status, '存续|在业|开业|在营|正常|登记|active') then 'active'
            when closed_year is not null then 'closed'
        end as status,
        closed_year as status_year,
        nullif(powertrain, 'unknown') as powertrain,
        group_name,
        'sourced' as support,
        if(in_sector, 'medium', 'low') as confidence,
        source_url,
        as_of
    from {{ ref('stg_inbox__firms_sector') }}
),

-- companies listed in Shanghai, Shenzhen and Beijing, as far as they are of the sector
listed as (
    select
        source_id,
        record_id as source_record_id,
        3 as priority,
        name_zh,
        name_zh_short,
        name_en,
        stock_codes,
        city_id,
        if(city_id is not null, source_id || ':' || place_rule, null) as place_rule,
        left(city_id, 2) || '0000' as province_id,
        if(status = 'listed', 'active', null) as status,
        'sourced' as support,
        'official' as source_tier,
        if(sector_rule = 'name', 'medium', 'high') as confidence
    from {{ ref('int_firms__listed') }}
),

-- Wikidata knows firms, brands and groups: firms enter, and only with what identifies them (a registered name, an LEI, a
-- USCC, a listing code). What people call a firm ("比亚迪") is also its brand and its group, and identifies none of them.
wikidata as (
    select
        'wikidata' as source_id,
        record_id as source_record_id,
        4 as priority,
        name_zh,
        label_zh as name_zh_short,
        name_en,
        uscc,
        lei,
        nullif(array_to_string(stock_codes, ';'), '') as stock_codes,
        located_adcode as city_id,
        if(located_adcode is not null, 'wikidata:headquarters', null) as place_rule,
        left(located_adcode, 2) || '0000' as province_id,
        founded_on,
        founded_year,
        if(dissolved_year is not null, 'closed', null) as status,
        dissolved_year as status_year,
        'sourced' as support,
        'compiled' as source_tier,
        'medium' as confidence,
        'https://www.wikidata.org/wiki/' || record_id as source_url
    from {{ ref('stg_wikidata__entities') }}
    where kind = 'firm' and (name_zh is not null or uscc is not null or lei is not null or len(stock_codes) > 0)
),

stacked as (
    select * from curated
    union all by name
    select * from brought
    union all by name
    select * from listed
    union all by name
    select * from wikidata
    union all by name
    select * from {{ ref('int_firms__records_gleif') }}
    union all by name
    select * from {{ ref('int_firms__records_miit') }}
    union all by name
    select * from {{ ref('int_firms__records_brought') }}
),

-- a list's own word on the group comes before what a file on parents states
united as (
    select
        s.* exclude (group_name),
        coalesce(s.group_name, by_code.group_name, by_lei.group_name, by_name.group_name) as group_name
    from stacked as s
    left join {{ ref('int_firms__groups_brought') }} as by_code on s.uscc = by_code.firm_key
    left join {{ ref('int_firms__groups_brought') }} as by_lei on s.lei = by_lei.firm_key
    left join {{ ref('int_firms__groups_brought') }} as by_name on 'name:' || {{ name_key('s.name_zh') }} = by_name.firm_key
),

traditional as (
    {{ zh_map('united') }}
),

-- materialized, and filtered before any key is made: a filter on a key would be pushed in here, and make it twice
cleaned as materialized (
    select
        u.* exclude (uscc, lei, name_zh, name_en),
        trim(u.name_zh) as name_zh,
        trim(u.name_en) as name_en,
        upper(regexp_replace(u.uscc, '\s', '', 'g')) as uscc_given,
        upper(regexp_replace(u.lei, '\s', '', 'g')) as lei_given,
        {{ name_key('coalesce(t.simple, u.name_zh)', simplify=false) }} as name_key,
        {{ name_key('u.name_en', simplify=false) }} as name_en_key
    from united as u
    left join traditional as t on u.name_zh = t.name
    where
        regexp_matches(concat(u.name_zh, u.name_en), '[\pL\pN]')
        or coalesce(u.uscc, u.lei, u.stock_codes) is not null
)

select
    source_id || ':' || source_record_id as record_key,
    source_id,
    source_record_id,
    priority,
    name_zh,
    name_zh_short,
    name_en,
    name_key,
    {{ name_core('name_key') }} as name_core,
    name_en_key,
    -- a branch is no firm of its own: 分公司, 分厂, 办事处 after the name of the firm
    coalesce(regexp_matches(name_key, '(分公司|分厂|分店|办事处|分部|营业部)$'), false) as is_branch,
    nullif(regexp_extract(name_key, '^(.+?公司|.+?(?:厂|集团|研究院)).*(?:分公司|分厂|分店|办事处|分部|营业部)$', 1), '')
        as branch_of_key,
    case when {{ valid_uscc('uscc_given') }} then uscc_given end as uscc,
    case when regexp_full_match(lei_given, '[0-9A-Z]{18}[0-9]{2}') then lei_given end as lei,
    stock_codes,
    -- a share of Shanghai or Shenzhen: a legal person has one. Codes of Beijing were renumbered and may differ.
    nullif(regexp_extract(stock_codes, '(?:^|[;, ])((?:00|30|60|68)[0-9]{4})(?:$|[.;, ])', 1), '') as share_code,
    -- the curated list is kept free of doubles by people: two of its firms are two firms
    if(source_id = 'curated_firms', source_record_id, null) as curated_id,
    city_id,
    place_rule,
    other_city_id,
    coalesce(province_id, left(city_id, 2) || '0000') as province_id,
    founded_on,
    founded_year,
    status,
    status_year,
    powertrain,
    group_name,
    support,
    source_tier,
    confidence,
    source_url,
    as_of
from cleaned
