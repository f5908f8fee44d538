-- EV-capable plants by year. Employment and output of single plants are unknown, so structure is weighted by plants.
select
    plant_id,
    year,
    cast(null as double) as employment,
    case when capacity_unit = 'vehicles_per_year' then capacity / 1000.0 end as capacity_k_units,
    cast(null as double) as output_k_units,
    1.0::double as size
from {{ ref('int_plants__yearly') }}
where is_ev and not undated and segment_id is not null and year >= 2005
