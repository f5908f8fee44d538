select
    firm_id,
    segment,
    position,
    support,
    confidence,
    source_ref
from {{ source('curated_firms', 'firm_segments') }}
