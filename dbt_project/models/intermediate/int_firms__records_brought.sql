-- Firms in the further files that people bring: listed companies of the sector, makers of announced vehicles, firms
-- admitted to a list or struck from it. In the shape of int_firms__records; a maker or an admitted firm has a name and
-- perhaps a code, and no place, which is not guessed from its name.
with listed as (
    select
        'listed:' || stock_code as source_record_id,
        3 as priority,
        arg_max(name_zh, {{ supplied_rank() }}) as name_zh,
        arg_max(name_en, {{ supplied_rank() }}) as name_en,
        arg_max(uscc, {{ supplied_rank() }}) as uscc,
        stock_code as stock_codes,
        arg_max(located_adcode, {{ supplied_rank() }}) as city_id,
        arg_max(place_rule, {{ supplied_rank() }}) as place_rule,
        left(arg_max(located_adcode, {{ supplied_rank() }}), 2) || '0000' as province_id,
        arg_max(founded_on, {{ supplied_rank() }}) as founded_on,
        arg_max(founded_year, {{ supplied_rank() }}) as founded_year,
        'high' as confidence,
        arg_max(source_url, {{ supplied_rank() }}) as source_url,
        max(as_of) as as_of
    from {{ ref('stg_inbox__listed_sector') }}
    where in_sector
    group by stock_code
),

makers as (
    select
        'miit:' || company_key as source_record_id,
        4 as priority,
        arg_max(company_zh, (batch, {{ supplied_rank() }})) as name_zh,
        'high' as confidence,
        arg_max(source_url, (batch, {{ supplied_rank() }})) as source_url,
        'batch ' || max(batch) as as_of
    from {{ ref('stg_inbox__miit_products') }}
    group by company_key
),

admitted as (
    select
        'admission:' || coalesce(uscc, company_key) as source_record_id,
        4 as priority,
        arg_max(company_zh, (published_on, {{ supplied_rank() }})) as name_zh,
        max(uscc) as uscc,
        'high' as confidence,
        arg_max(source_url, (published_on, {{ supplied_rank() }})) as source_url,
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
    'inbox' as source_id,
    'sourced' as support,
    cast(null as varchar) as group_name,
    *
from united
