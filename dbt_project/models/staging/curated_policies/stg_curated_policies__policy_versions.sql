with source as (
    select * from {{ source('curated_policies', 'policy_versions') }}
),

renamed as (
    select
        policy_id,
        version,
        valid_from,
        valid_to,
        change,
        source,
        _partition,
        _snapshot_sha256,
        _fetched_at
    from source
)

select
    policy_id,
    version,
    valid_from,
    valid_to,
    change,
    source,
    _partition,
    _snapshot_sha256,
    _fetched_at
from renamed
