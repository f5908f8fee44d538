-- placeholder until the located plants are wired in
select cast(null as varchar) as city_id, cast(null as varchar) as province_id, cast(null as double) as lon, cast(null as double) as lat, cast(null as double) as population, cast(null as double) as gdp_cny_m where false
