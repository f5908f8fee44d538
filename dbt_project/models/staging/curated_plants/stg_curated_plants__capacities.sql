select
    plant_id,
    year,
    phase,
    capacity,
    capacity_unit,
    status,
    {{ house_support('support') }} as support,
    confidence,
    source_url,
    note,
    record_id
from {{ source('curated_plants', 'capacities') }}
