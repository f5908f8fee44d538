select
    l.plant_id,
    l.predecessor_id,
    l.edge_type,
    l.predecessor_kind,
    l.predecessor_name,
    p.city_id,
    l.predecessor_city_id,
    l.since_year,
    l.confidence::double as confidence_score,
    l.support,
    l.source_tier,
    l.evidence_url,
    l.rule,
    l.note,
    {{ stamp() }},
    coalesce(p.city_id = l.predecessor_city_id, false) as is_local
from {{ ref('int_lineage__edges') }} as l
left join {{ ref('int_plants__located') }} as p on l.plant_id = p.plant_id
cross join {{ ref('int_build') }} as b
