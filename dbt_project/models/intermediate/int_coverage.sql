-- One row per place and kind of source: whether an adapter covers it. A place that none covers is "not covered", and its
-- missing documents say nothing about its policy.
with places as (
    select
        city_adcode as place_adcode,
        name_zh as place
    from {{ ref('cities') }}
    union
    select
        province_adcode as place_adcode,
        name_zh as place
    from {{ ref('provinces') }}
    union
    select
        '100000' as place_adcode,
        '全国' as place
),

curated as (
    select
        adcode as place_adcode,
        count(*) as documents,
        avg(case when text_kind = 'full' then 1.0 else 0.0 end) as body_share
    from {{ ref('int_policies__documents') }}
    where source = 'curated_policies'
    group by adcode
)

select
    p.place_adcode,
    p.place,
    'curated_policies' as source,
    'hand-picked documents' as adapter,
    false as covered,
    coalesce(c.documents, 0)::integer as pages,
    c.body_share,
    case when c.documents is null then 'no document curated' else 'a selection, never complete' end as note
from places as p
left join curated as c on p.place_adcode = c.place_adcode
