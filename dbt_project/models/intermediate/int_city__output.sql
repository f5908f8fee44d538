-- One row per city and year: the preferred figure of vehicles made, with the basis on which it was counted.
select
    geography_id as city_adcode,
    year,
    max(case when metric = 'nev' then vehicles end) as nev_output,
    max(case when metric = 'nev' then attribution end) as nev_output_basis,
    max(case when metric = 'nev' then support end) as nev_output_support,
    max(case when metric = 'nev' then source_url end) as nev_output_source,
    max(case when metric = 'auto' then vehicles end) as auto_output,
    max(case when metric = 'auto' then support end) as auto_output_support
from {{ ref('stg_curated_output__output') }}
where geography_level = 'city' and preferred and period = 'full' and metric in ('nev', 'auto')
group by geography_id, year
