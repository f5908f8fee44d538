select
    record_id,
    city_adcode as city_id,
    year,
    field,
    value,
    unit,
    {{ house_support('support') }} as support,
    confidence,
    source_url
from {{ source('curated_output', 'fiscal') }}
