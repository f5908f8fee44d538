-- One row per plant and year with a dated figure of capacity that was built: of several in a year the largest.
select
    plant_id,
    year,
    max(capacity) as capacity,
    arg_max(capacity_unit, (capacity, capacity_unit)) as capacity_unit,
    arg_max(support, (capacity, capacity_unit, support)) as support
from {{ ref('stg_curated_plants__capacities') }}
where status = 'built' and year is not null and capacity is not null
group by plant_id, year
