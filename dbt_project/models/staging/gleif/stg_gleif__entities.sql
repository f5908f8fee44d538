-- The newest state of each LEI since the newest whole snapshot: applying a delta twice, or two that overlap, changes
-- nothing.
with states as (
    select
        *,
        try_cast(left(_partition, 10) as date) as published_on,
        split_part(_partition, '-', 4) as way
    from {{ source('gleif', 'entities') }}
),

-- what a whole snapshot does not hold any more is gone, whatever earlier partitions say
base as (
    select coalesce(max(published_on) filter (where way in ('full', 'api')), date '9999-12-31') as published_on
    from states
)

select
    s.lei,
    s.name_zh,
    s.name_en,
    s.former_names,
    s.uscc,
    s.registered_as,
    s.register,
    s.country,
    s.province,
    s.city,
    s.address,
    s.hq_country,
    s.hq_city,
    s.jurisdiction,
    s.category,
    s.legal_form,
    s.entity_status,
    s.created_on,
    s.successor_lei,
    s.registration_status,
    s.registered_on,
    s.updated_at,
    s.renewal_on,
    s.qcc,
    s.in_sector,
    s.sector_basis,
    s.segments,
    s.located_adcode,
    s.place_rule,
    s.place_conflict,
    s.published_on,
    s.way
from states as s
cross join base as b
where s.published_on >= b.published_on
qualify row_number() over (partition by s.lei order by s.published_on desc, s.updated_at desc, s.way) = 1
