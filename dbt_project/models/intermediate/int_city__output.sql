-- One row per city and year: the preferred figure of vehicles made in the whole year, with the basis on which it was counted.
-- What becomes of a figure that a user supplied says int_city__output_supplied. A figure of a part of the year (January to
-- November, say) stands beside it in columns of its own, and in no rank, share or newest figure.
with curated as (
    select
        geography_id as city_id,
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
        located_adcode as city_id,
        year,
        product as metric,
        vehicles,
        coalesce(basis, 'unknown') as attribution,
        support_found as support,
        source_url,
        false as is_lower_bound
    from {{ ref('int_city__output_supplied') }}
    where outcome in ('added', 'corrected')
),

-- the longest part of each year; "ytd" says not how long it is
partial as (
    select
        geography_id as city_id,
        year,
        metric,
        vehicles,
        period
    from {{ ref('stg_curated_output__output') }}
    where geography_level = 'city' and preferred and period <> 'full' and metric in ('nev', 'auto')
    qualify row_number() over (
        partition by geography_id, year, metric
        order by case period when 'h1' then 6 else coalesce(try_cast(rtrim(period, 'm') as integer), 0) end desc, period, vehicles, source_url
    ) = 1
),

facts as (
    select c.*
    from curated as c
    where not exists (
        select 1 from supplied as s
        where s.city_id = c.city_id and s.year = c.year and s.metric = c.metric
    )
    union all by name
    select * from supplied
),

whole as (
    select
        city_id,
        year,
        max(case when metric = 'nev' then vehicles end) as nev_output,
        max(case when metric = 'nev' then attribution end) as nev_output_basis,
        max(case when metric = 'nev' then support end) as nev_output_support,
        max(case when metric = 'nev' then source_url end) as nev_output_source,
        bool_or(case when metric = 'nev' then is_lower_bound end) as nev_output_is_lower_bound,
        max(case when metric = 'auto' then vehicles end) as auto_output,
        max(case when metric = 'auto' then support end) as auto_output_support
    from facts
    group by city_id, year
),

part as (
    select
        city_id,
        year,
        max(case when metric = 'nev' then vehicles end) as nev_output_part_year,
        max(case when metric = 'nev' then period end) as nev_output_part_year_period,
        max(case when metric = 'auto' then vehicles end) as auto_output_part_year,
        max(case when metric = 'auto' then period end) as auto_output_part_year_period
    from partial
    group by city_id, year
)

select
    coalesce(w.city_id, p.city_id) as city_id,
    coalesce(w.year, p.year) as year,
    w.nev_output,
    w.nev_output_basis,
    w.nev_output_support,
    w.nev_output_source,
    w.nev_output_is_lower_bound,
    w.auto_output,
    w.auto_output_support,
    p.nev_output_part_year,
    p.nev_output_part_year_period,
    p.auto_output_part_year,
    p.auto_output_part_year_period
from whole as w
full outer join part as p on w.city_id = p.city_id and w.year = p.year
