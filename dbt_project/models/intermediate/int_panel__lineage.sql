-- placeholder until the located plants are wired in
select cast(null as varchar) as ev_plant_id, cast(null as varchar) as ice_plant_id, cast(null as varchar) as edge_type, cast(null as double) as confidence where false
