-- One row per year: vehicles made in China, the preferred figure.
select
    year,
    max(case when metric = 'nev' then vehicles end) as nev_output,
    max(case when metric = 'auto' then vehicles end) as auto_output
from {{ ref('stg_curated_output__output') }}
where geography_level = 'national' and preferred and period = 'full' and metric in ('nev', 'auto')
group by year
