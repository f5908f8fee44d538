-- The newest state of each relationship since the newest whole snapshot; a delta ends one by its new state.
--
-- LAPSED says that nobody renewed the record within its year, not that the relationship ended: its status stays ACTIVE (an
-- end would come as INACTIVE, or as the end of its period). In a page of the real file a fifth of the records was so. They
-- hold here too, with less confidence: a renewed record is believed before them (int_firms__parents).
with base as (
    -- what a whole snapshot does not hold any more is gone, whatever earlier partitions say; without one there is no state
    select coalesce(max(published_on) filter (where way in ('full', 'api')), date '9999-12-31') as published_on
    from {{ ref('stg_gleif__entities') }}
)

select
    s.*,
    coalesce(
        s.relationship_status = 'ACTIVE'
        and s.registration_status in ('PUBLISHED', 'PENDING_TRANSFER', 'PENDING_ARCHIVAL', 'LAPSED')
        and coalesce(s.ended_on > s.published_on, true), false
    ) as is_current,
    case
        when s.registration_status in ('PUBLISHED', 'PENDING_TRANSFER', 'PENDING_ARCHIVAL') then 'high'
        when s.registration_status = 'LAPSED' then 'low'
    end as confidence
from {{ ref('stg_gleif__parents') }} as s
cross join base as b
where s.published_on >= b.published_on
qualify
    row_number() over (
        partition by s.child_lei, s.parent_lei, s.relationship
        order by
            s.published_on desc, s.updated_at desc, s.started_on desc nulls last, s.relationship_status, s.registration_status,
            s.way, s.record_id
    ) = 1
