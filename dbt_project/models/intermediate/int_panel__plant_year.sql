-- placeholder until the located plants are wired in
select cast(null as varchar) as plant_id, cast(null as integer) as year, cast(null as double) as employment, cast(null as double) as capacity_k_units, cast(null as double) as output_k_units, cast(null as double) as size where false
