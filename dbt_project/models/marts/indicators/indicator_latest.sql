select
    i.indicator_id,
    i.geography_level,
    i.geography_id,
    i.period,
    i.vintage_id,
    i.value,
    i.lo,
    i.hi,
    i.unit,
    i.n_obs,
    i.quality_flag,
    i.null_reason,
    i.method_version,
    i.known_from,
    i.known_to,
    i.as_of,
    i.interval_reason
from {{ ref('indicator') }} as i
where i.known_to is null
