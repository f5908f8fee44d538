-- The newest state of each LEI since the newest whole snapshot: applying a delta twice, or two that overlap, changes
-- nothing.
with base as (
    -- what a whole snapshot does not hold any more is gone, whatever earlier partitions say; without one there is no state
    select coalesce(max(published_on) filter (where way in ('full', 'api')), date '9999-12-31') as published_on
    from {{ ref('stg_gleif__entities') }}
)

select s.*
from {{ ref('stg_gleif__entities') }} as s
cross join base as b
where s.published_on >= b.published_on
qualify row_number() over (partition by s.lei order by s.published_on desc, s.updated_at desc, s.way) = 1
