-- One row per instrument and place below the nation that has a counted document: the first year in which it supported by the
-- instrument, NULL where it has not (yet). Places without a known document are not "never adopters": they are not here.
with places as (
    select distinct city_id from {{ ref('int_policies__labels') }}
),

adopted as (
    select
        city_id,
        instrument_id,
        min(year) as adopted_year
    from {{ ref('int_policies__labels') }}
    where supports
    group by city_id, instrument_id
)

select
    i.instrument_id,
    p.city_id,
    a.adopted_year::integer as adopted_year
from {{ ref('instruments') }} as i
cross join places as p
left join adopted as a on i.instrument_id = a.instrument_id and p.city_id = a.city_id
