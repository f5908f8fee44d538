select
    l.source_id,
    l.source_record_id,
    l.firm_id,
    l.match_rule,
    l.match_score::double as match_score,
    {{ stamp() }}
from {{ ref('int_firms__links') }} as l
cross join {{ ref('int_build') }} as b
