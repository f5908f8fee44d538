select
    operator,
    plant_id,
    firm_id,
    relation,
    lineage_group,
    from_year,
    to_year,
    {{ house_support('support') }} as support,
    note
from {{ source('curated_plants', 'operators') }}
