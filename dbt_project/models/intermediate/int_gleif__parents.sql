-- The newest state of each relationship since the newest whole snapshot; a delta ends one by its new state.
with base as (
    -- what a whole snapshot does not hold any more is gone, whatever earlier partitions say; without one there is no state
    select coalesce(max(published_on) filter (where way in ('full', 'api')), date '9999-12-31') as published_on
    from {{ ref('stg_gleif__entities') }}
)

select
    s.*,
    coalesce(
        s.relationship_status = 'ACTIVE'
        and s.registration_status in ('PUBLISHED', 'PENDING_TRANSFER', 'PENDING_ARCHIVAL'), false
    ) as is_current
from {{ ref('stg_gleif__parents') }} as s
cross join base as b
where s.published_on >= b.published_on
qualify
    row_number() over (
        partition by s.child_lei, s.parent_lei, s.relationship
        order by s.published_on desc, s.updated_at desc, s.started_on desc, s.relationship_status, s.way, s.record_id
    ) = 1
