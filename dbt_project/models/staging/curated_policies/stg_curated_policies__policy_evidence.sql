with source as (
    select * from {{ source('curated_policies', 'policy_evidence') }}
),

renamed as (
    select
        policy_id,
        evidence_no,
        field,
        value,
        relation,
        source,
        statement,
        confidence,
        conflict,
        _partition,
        _snapshot_sha256,
        _fetched_at
    from source
)

select
    policy_id,
    evidence_no,
    field,
    value,
    relation,
    source,
    statement,
    confidence,
    conflict,
    _partition,
    _snapshot_sha256,
    _fetched_at
from renamed
