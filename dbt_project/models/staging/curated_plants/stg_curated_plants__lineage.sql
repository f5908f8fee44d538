select
    ev_plant_id as plant_id,
    predecessor_id,
    predecessor_kind,
    predecessor_name,
    edge_type,
    since_year,
    confidence,
    {{ house_support('support') }} as support,
    {{ source_tier('support') }} as source_tier,
    evidence_url,
    rule,
    note,
    predecessor_city_adcode as predecessor_city_id
from {{ source('curated_plants', 'lineage') }}
