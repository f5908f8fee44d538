-- placeholder until the located plants are wired in
select cast(null as varchar) as segment_id, cast(null as varchar) as family_id where false
