select
    record_id,
    stock_code,
    short_name,
    changed_on,
    name_before,
    name_after
from {{ source('szse', 'name_changes') }}
