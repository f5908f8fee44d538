select
    policy_id,
    instrument as instrument_id,
    direction,
    amount,
    unit,
    amount_role,
    segment as segment_id,
    beneficiary,
    evidence_text,
    evidence_start,
    evidence_end,
    sentence,
    rule_id,
    coded_by,
    support,
    confidence,
    _partition as partition
from {{ source('inbox', 'policy_instruments') }}
