select
    evidence_id,
    plant_id,
    field,
    value,
    relation,
    value_before,
    source_url,
    statement,
    confidence,
    conflict
from {{ source('curated_plants', 'evidence') }}
