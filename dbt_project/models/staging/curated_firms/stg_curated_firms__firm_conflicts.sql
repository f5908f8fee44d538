select
    firm_id,
    field,
    value,
    value_source,
    other_value,
    other_source
from {{ source('curated_firms', 'firm_conflicts') }}
