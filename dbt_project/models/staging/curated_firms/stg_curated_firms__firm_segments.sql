select
    firm_id,
    segment as segment_id,
    position,
    support,
    confidence,
    source_ref
from {{ source('curated_firms', 'firm_segments') }}
