-- One row per city and year: the preferred figure of vehicles made, with the basis on which it was counted. What becomes of a
-- figure that a user supplied says int_city__output_supplied.
with curated as (
    select
        geography_id as city_adcode,
        year,
        metric,
        vehicles,
        attribution,
        support,
        source_url,
        coalesce(contains(note, 'lower bound'), false) as is_lower_bound
    from {{ ref('stg_curated_output__output') }}
    where geography_level = 'city' and preferred and period = 'full' and metric in ('nev', 'auto')
),

supplied as (
    select
        located_adcode as city_adcode,
        year,
        product as metric,
        vehicles,
        coalesce(basis, 'unknown') as attribution,
        'derived' as support,
        source_url,
        false as is_lower_bound
    from {{ ref('int_city__output_supplied') }}
    where outcome in ('added', 'corrected')
),

facts as (
    select c.*
    from curated as c
    where not exists (
        select 1 from supplied as s
        where s.city_adcode = c.city_adcode and s.year = c.year and s.metric = c.metric
    )
    union all by name
    select * from supplied
)

select
    city_adcode,
    year,
    max(case when metric = 'nev' then vehicles end) as nev_output,
    max(case when metric = 'nev' then attribution end) as nev_output_basis,
    max(case when metric = 'nev' then support end) as nev_output_support,
    max(case when metric = 'nev' then source_url end) as nev_output_source,
    bool_or(case when metric = 'nev' then is_lower_bound end) as nev_output_is_lower_bound,
    max(case when metric = 'auto' then vehicles end) as auto_output,
    max(case when metric = 'auto' then support end) as auto_output_support
from facts
group by city_adcode, year
