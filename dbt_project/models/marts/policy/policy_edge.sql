-- One row per relation that a document states to another text.
select
    e.from_policy_id,
    e.edge_no::integer as edge_no,
    e.edge_type,
    e.to_policy_id,
    e.to_text,
    e.resolved_by,
    e.evidence_words,
    e.source_id,
    {{ stamp() }}
from {{ ref('int_policies__edges') }} as e
cross join {{ ref('int_build') }} as b
