-- Firms of the combustion-vehicle chain by city, founding year and segment, from registers that people brought: where
-- they were founded before 2009, of those that still have a record. No rows where no register was brought. A register
-- of survivors shows where today's firms were founded and not how many there were; meta.coverage says so.
with firms as (
    select
        coalesce(uscc, record_id) as firm_key,
        located_adcode as city_id,
        founded_year as year,
        segments
    from {{ ref('stg_inbox__firms_sector') }} as i
    where in_sector and founded_year < 2009 and located_adcode is not null
    -- a firm that several files have counts once, as the newest says
    qualify row_number() over (
        partition by coalesce(uscc, record_id) order by {{ supplied_first('i') }}
    ) = 1
),

spread as (
    select
        firm_key,
        city_id,
        year,
        unnest(segments).segment as segment_id
    from firms
)

select
    city_id,
    year,
    segment_id,
    count(distinct firm_key) as n_firms
from spread
where segment_id in ('oem', 'components', 'ice_powertrain')
group by city_id, year, segment_id
