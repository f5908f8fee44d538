select
    c.policy_id,
    c.instrument_id,
    c.evidence_start,
    c.evidence_end,
    c.direction,
    c.amount::double as amount,
    c.unit,
    c.amount_role,
    c.segment_id,
    c.beneficiary,
    c.evidence_text,
    c.sentence,
    c.rule_id,
    c.coded_by,
    c.support,
    c.confidence,
    c.source_id,
    c.source_record_id,
    {{ stamp() }},
    c.evidence_basis,
    c.coded_from
from {{ ref('int_policies__coded') }} as c
cross join {{ ref('int_build') }} as b
