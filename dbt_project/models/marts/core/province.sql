select
    p.province_id,
    p.name_zh,
    p.name_en,
    p.longitude::double as longitude,
    p.latitude::double as latitude,
    {{ stamp() }}
from {{ ref('provinces') }} as p
cross join {{ ref('int_build') }} as b
