select
    l.ev_plant_id,
    l.predecessor_id,
    l.edge_type,
    l.predecessor_kind,
    l.predecessor_name,
    p.city_adcode as ev_city_adcode,
    l.predecessor_city_adcode,
    l.since_year,
    l.confidence::double as confidence,
    l.support,
    l.evidence_url,
    l.rule,
    l.note,
    {{ stamp() }},
    coalesce(p.city_adcode = l.predecessor_city_adcode, false) as is_local
from {{ ref('int_lineage__edges') }} as l
left join {{ ref('int_plants__located') }} as p on l.ev_plant_id = p.plant_id
cross join {{ ref('int_build') }} as b
