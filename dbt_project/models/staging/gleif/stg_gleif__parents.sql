-- The newest state of each relationship since the newest whole snapshot; a delta ends one by its new state.
with states as (
    select
        *,
        try_cast(left(_partition, 10) as date) as published_on,
        split_part(_partition, '-', 4) as way
    from {{ source('gleif', 'parents') }}
),

-- what a whole snapshot does not hold any more is gone, whatever earlier partitions say
base as (
    select
        coalesce(
            max(try_cast(left(_partition, 10) as date)) filter (where split_part(_partition, '-', 4) in ('full', 'api')),
            date '9999-12-31'
        ) as published_on
    from {{ source('gleif', 'entities') }}
)

select
    s.record_id,
    s.child_lei,
    s.parent_lei,
    s.relationship,
    s.relationship_status,
    s.registration_status,
    s.started_on,
    s.updated_at,
    s.corroboration,
    s.published_on,
    s.way,
    s.relationship_status = 'ACTIVE'
    and s.registration_status in ('PUBLISHED', 'PENDING_TRANSFER', 'PENDING_ARCHIVAL') as is_current
from states as s
cross join base as b
where s.published_on >= b.published_on
qualify
    row_number() over (
        partition by s.child_lei, s.parent_lei, s.relationship
        order by s.published_on desc, s.updated_at desc, s.started_on desc, s.relationship_status
    ) = 1
