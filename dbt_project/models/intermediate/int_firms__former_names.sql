-- Former names of firms as keys: a firm that was renamed is still the same firm.
select distinct
    {{ name_key('name_zh') }} as name_key,
    {{ name_key('former_name_zh') }} as former_key,
    {{ name_core(name_key('former_name_zh')) }} as former_core
from {{ ref('firm_former_names') }}
where name_zh is not null and former_name_zh is not null
