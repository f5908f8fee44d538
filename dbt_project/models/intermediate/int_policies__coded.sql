-- One row per document, instrument and place in its text.
select
    policy_id,
    instrument,
    evidence_start,
    evidence_end,
    direction,
    amount,
    unit,
    amount_role,
    segment,
    beneficiary,
    evidence_text,
    rule_id,
    coded_by,
    regexp_extract(support, '^[a-z]+') as support,
    confidence
from {{ ref('stg_curated_policies__policy_instruments') }}
