-- Lineage edges as a panel has them.
select
    plant_id as ev_plant_id,
    predecessor_id as ice_plant_id,
    edge_type,
    confidence
from {{ ref('int_lineage__edges') }}
