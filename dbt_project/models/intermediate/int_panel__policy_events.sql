-- placeholder until the located plants are wired in
select cast(null as varchar) as document_id, cast(null as varchar) as city_id, cast(null as varchar) as instrument, cast(null as date) as effective_date, cast(null as double) as amount_cny_m where false
