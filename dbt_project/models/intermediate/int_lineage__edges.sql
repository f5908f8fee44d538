-- One row per edge from an EV-capable plant to the ICE plant, firm or site that it grew from.
select
    plant_id,
    predecessor_id,
    predecessor_kind,
    predecessor_name,
    edge_type,
    since_year,
    confidence,
    support,
    source_tier,
    evidence_url,
    rule,
    note,
    predecessor_city_id
from {{ ref('stg_curated_plants__lineage') }}
