-- One row per place and kind of source: whether an adapter covers it. A place that none covers is "not covered", and its
-- missing documents say nothing about its policy.
with places as (
    select
        city_id as place_id,
        name_zh as place
    from {{ ref('cities') }}
    union
    select
        province_id as place_id,
        name_zh as place
    from {{ ref('provinces') }}
    union
    select
        '100000' as place_id,
        '全国' as place
),

curated as (
    select
        place_id,
        count(*) as documents,
        avg((coalesce(text_kind, '') = 'full')::integer) as body_share
    from {{ ref('int_policies__documents') }}
    where source_id = 'curated_policies'
    group by place_id
),

-- a site is covered when a month of it has landed: a declared adapter that has never been asked knows nothing
asked as (
    select
        string_split(partition, '__')[2] as site,
        count(distinct string_split(partition, '__')[1])::integer as months,
        max(as_of) as as_of
    from {{ source('_meta', 'accounts') }}
    where source = 'policy_releases' and outcome in ('landed', 'unchanged') and contains(partition, '__')
    group by string_split(partition, '__')[2]
),

fetched as (
    select
        site,
        count(*)::integer as documents,
        avg((coalesce(text_kind, '') in ('full', 'attachment'))::integer) as body_share
    from {{ ref('stg_policy_releases__documents') }}
    where is_current
    group by site
),

sites as (
    select
        s.place_id,
        string_agg(distinct s.adapter, ', ' order by s.adapter) as adapter,
        bool_or(s.covered) as declared,
        coalesce(max(a.months), 0)::integer as months,
        coalesce(sum(f.documents), 0)::integer as documents,
        {{ ordered_sum('f.documents * f.body_share') }} / nullif(sum(f.documents), 0) as body_share,
        max(a.as_of) as as_of
    from {{ ref('stg_policy_releases__sites') }} as s
    left join asked as a on s.site = a.site
    left join fetched as f on s.site = f.site
    group by s.place_id
)

select
    p.place_id,
    p.place,
    'curated_policies' as source_id,
    'hand-picked documents' as adapter,
    false as covered,
    coalesce(c.documents, 0)::integer as pages,
    cast(null as integer) as months,
    c.body_share,
    case when c.documents is null then 'no document curated' else 'a selection, never complete' end as note
from places as p
left join curated as c on p.place_id = c.place_id

union all

select
    p.place_id,
    p.place,
    'policy_releases' as source_id,
    coalesce(s.adapter, 'none') as adapter,
    coalesce(s.months, 0) > 0 as covered,
    coalesce(s.documents, 0)::integer as pages,
    s.months,
    s.body_share,
    case
        when s.place_id is null then 'not covered: no site is declared'
        when not s.declared then 'not covered: no adapter is known for its site'
        when s.months = 0 then 'an adapter is declared; nothing has been fetched yet'
        else s.months || ' months of lists fetched, the newest as of ' || s.as_of
    end as note
from places as p
left join sites as s on p.place_id = s.place_id
