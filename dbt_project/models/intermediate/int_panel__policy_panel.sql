-- placeholder until the located plants are wired in
select cast(null as varchar) as outcome, cast(null as varchar) as city_id, cast(null as varchar) as province_id, cast(null as integer) as year, cast(null as integer) as first_treat, cast(null as integer) as treated, cast(null as double) as y, cast(null as varchar) as instrument where false
