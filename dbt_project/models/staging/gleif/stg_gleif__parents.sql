select
    record_id,
    child_lei,
    parent_lei,
    relationship,
    relationship_status,
    registration_status,
    started_on,
    ended_on,
    updated_at,
    corroboration,
    blanked,
    -- a partition is called <date>-full, <date>-api or <date>-delta
    try_cast(left(_partition, 10) as date) as published_on,
    split_part(_partition, '-', 4) as way
from {{ source('gleif', 'parents') }}
