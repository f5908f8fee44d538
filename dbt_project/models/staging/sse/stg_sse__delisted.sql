select
    record_id,
    company_code,
    short_name,
    name_zh,
    listed_on,
    delisted_on,
    status
from {{ source('sse', 'delisted') }}
