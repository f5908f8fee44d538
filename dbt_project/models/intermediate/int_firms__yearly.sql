-- One row per firm of the sector and year in which it existed, from 1990. A firm whose founding year is unknown is
-- counted in the year of the data only.
with years as (
    select unnest(generate_series(1990, (select this_year from {{ ref('int_build') }})))::integer as year
),

sector as (
    select
        f.firm_id,
        f.city_id,
        f.group_id,
        f.powertrain,
        f.founded_year,
        case when f.status in ('closed', 'bankrupt', 'merged') then f.status_year end as ended_year,
        (f.support = 'unverified' or f.confidence = 'low') as is_unverified
    from {{ ref('int_firms__resolved') }} as f
    where f.city_id is not null
        and exists (select 1 from {{ ref('int_firms__segmented') }} as s where s.firm_id = f.firm_id)
)

select
    s.firm_id,
    s.city_id,
    s.group_id,
    s.powertrain,
    s.is_unverified,
    s.founded_year is null as undated,
    y.year
from sector as s
inner join years as y
    on
        coalesce(s.founded_year, (select this_year from {{ ref('int_build') }})) <= y.year
        and coalesce(s.ended_year, 9999) > y.year
