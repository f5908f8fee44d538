-- One row per rule of the policy coder: what stands behind a rule_id.
select
    t.rule_id,
    t.instrument_id,
    t.language,
    t.kind,
    t.pattern,
    t.note,
    {{ stamp() }}
from {{ ref('instrument_terms') }} as t
cross join {{ ref('int_build') }} as b
