-- Firms in the further files that people bring: listed companies of the sector, makers of announced vehicles, firms
-- admitted to a list or struck from it. In the shape of int_firms__records; a maker or an admitted firm has a name and
-- perhaps a code, and no place, which is not guessed from its name.
with listed as (
    select
        'listed:' || stock_code as source_record_id,
        3 as priority,
        arg_max(name_zh, (as_of, fetched_at)) as name_zh,
        arg_max(name_en, (as_of, fetched_at)) as name_en,
        arg_max(uscc, (as_of, fetched_at)) as uscc,
        stock_code as stock_codes,
        arg_max(located_adcode, (as_of, fetched_at)) as city_adcode,
        arg_max(place_rule, (as_of, fetched_at)) as place_rule,
        left(arg_max(located_adcode, (as_of, fetched_at)), 2) || '0000' as province_adcode,
        arg_max(founded_on, (as_of, fetched_at)) as founded_on,
        arg_max(founded_year, (as_of, fetched_at)) as founded_year,
        'high' as confidence,
        arg_max(source_url, (as_of, fetched_at)) as source_url,
        max(as_of) as as_of
    from {{ ref('stg_inbox__listed_sector') }}
    where in_sector
    group by stock_code
),

makers as (
    select
        'miit:' || company_key as source_record_id,
        4 as priority,
        arg_max(company_zh, (batch, fetched_at)) as name_zh,
        'high' as confidence,
        arg_max(source_url, (batch, fetched_at)) as source_url,
        'batch ' || max(batch) as as_of
    from {{ ref('stg_inbox__miit_products') }}
    group by company_key
),

admitted as (
    select
        'admission:' || coalesce(uscc, company_key) as source_record_id,
        4 as priority,
        arg_max(company_zh, (published_on, fetched_at)) as name_zh,
        max(uscc) as uscc,
        'high' as confidence,
        arg_max(source_url, (published_on, fetched_at)) as source_url,
        max(published_on) as as_of
    from {{ ref('stg_inbox__admission_lists') }}
    group by coalesce(uscc, company_key)
),

united as (
    select * from listed
    union all by name
    select * from makers
    union all by name
    select * from admitted
)

select
    'inbox' as source,
    'seen' as support,
    cast(null as varchar) as group_name,
    *
from united
