select
    s.firm_id,
    s.segment_id,
    s.share::double as share,
    s.evidence,
    s.rule_id,
    s.support,
    s.source_tier,
    s.confidence,
    {{ stamp() }}
from {{ ref('int_firms__segmented') }} as s
cross join {{ ref('int_build') }} as b
