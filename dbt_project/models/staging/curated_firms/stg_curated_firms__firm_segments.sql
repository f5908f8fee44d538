select
    firm_id,
    segment as segment_id,
    position,
    {{ house_support('support') }} as support,
    {{ source_tier('support') }} as source_tier,
    confidence,
    source_ref
from {{ source('curated_firms', 'firm_segments') }}
