select
    i.instrument_id,
    i.family,
    i.seed_tool,
    i.name_en,
    i.name_zh,
    {{ stamp() }}
from {{ ref('instruments') }} as i
cross join {{ ref('int_build') }} as b
