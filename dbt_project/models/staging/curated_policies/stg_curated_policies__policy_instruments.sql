with source as (
    select * from {{ source('curated_policies', 'policy_instruments') }}
),

renamed as (
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
        {{ house_support('support') }} as support,
        {{ source_tier('support') }} as source_tier,
        nullif(regexp_extract(support, ':\s*(.*)$', 1), '') as support_note,
        confidence,
        _partition,
        _snapshot_sha256,
        _fetched_at
    from source
)

select
    policy_id,
    instrument_id,
    direction,
    amount,
    unit,
    amount_role,
    segment_id,
    beneficiary,
    evidence_text,
    evidence_start,
    evidence_end,
    sentence,
    rule_id,
    coded_by,
    support,
    source_tier,
    support_note,
    confidence,
    _partition,
    _snapshot_sha256,
    _fetched_at
from renamed
