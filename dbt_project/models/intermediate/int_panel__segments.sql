-- Segments and their families, as a panel has them.
select
    segment_id,
    family as family_id
from {{ ref('segments') }}
