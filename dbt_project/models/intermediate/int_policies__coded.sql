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
    sentence,
    rule_id,
    coded_by,
    regexp_extract(support, '^[a-z]+') as support,
    confidence
from {{ ref('stg_curated_policies__policy_instruments') }}
union all by name
select
    c.policy_id,
    c.instrument,
    c.evidence_start,
    c.evidence_end,
    c.direction,
    c.amount,
    c.unit,
    c.amount_role,
    c.segment,
    c.beneficiary,
    c.evidence_text,
    c.sentence,
    c.rule_id,
    c.coded_by,
    c.support,
    c.confidence
from {{ ref('stg_inbox__policy_instruments') }} as c
inner join {{ ref('int_policies__documents') }} as d on c.policy_id = d.policy_id and d.source = 'inbox'
qualify row_number() over (partition by c.policy_id, c.instrument, c.evidence_start order by c.partition) = 1
