-- Former names of firms as keys: a firm that was renamed is still the same firm. From the curated list, and from what the
-- Shenzhen exchange publishes of every company that it lists (the company of a code is one legal person, whatever it
-- made). Both are kept in simplified characters.
with shenzhen as (
    select
        coalesce(l.name_zh, arg_max(c.name_after, (c.changed_on, c.name_after)) over (partition by c.stock_code)) as name_zh,
        c.name_before as former_name_zh
    from {{ ref('stg_szse__name_changes') }} as c
    left join {{ ref('stg_szse__listed') }} as l on c.stock_code = l.stock_code
),

united as (
    select
        name_zh,
        former_name_zh
    from {{ ref('firm_former_names') }}
    union all
    select
        name_zh,
        former_name_zh
    from shenzhen
),

keyed as materialized (
    select
        {{ name_key('name_zh', simplify=false) }} as name_key,
        {{ name_key('former_name_zh', simplify=false) }} as former_key
    from united
    where name_zh is not null and former_name_zh is not null
)

select distinct
    name_key,
    former_key,
    {{ name_core('former_key') }} as former_core
from keyed
where name_key != former_key
