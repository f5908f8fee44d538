select
    record_id,
    geography_level,
    geography_id,
    year,
    period,
    metric,
    vehicles,
    attribution,
    source_body,
    {{ house_support('support') }} as support,
    confidence,
    source_url,
    note,
    preferred,
    conflict_group
from {{ source('curated_output', 'output') }}
