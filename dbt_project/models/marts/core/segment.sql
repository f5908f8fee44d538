select
    s.segment_id,
    s.family,
    s.name_en,
    s.name_zh,
    s.official_codes,
    s.description,
    {{ stamp() }}
from {{ ref('segments') }} as s
cross join {{ ref('int_build') }} as b
