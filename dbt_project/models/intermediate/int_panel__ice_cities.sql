-- placeholder until the located plants are wired in
select cast(null as varchar) as city_id where false
