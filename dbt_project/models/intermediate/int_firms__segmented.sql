-- One row per firm and segment with its share: 1/1, 1/2, 1/3 … by position in the source's list, made to sum to 1. The
-- curated list speaks first; a firm that it does not know has the segments found in its registration or in its name (an LEI record
-- has no more), and a maker that announced vehicles assembles them.
with curated as (
    select
        l.firm_id,
        s.segment_id,
        min(s.position) as position,
        'curated list' as evidence,
        'curated' as rule_id,
        arg_min(s.support, (s.position, s.firm_id)) as support,
        arg_min_null(s.source_tier, (s.position, s.firm_id)) as source_tier,
        arg_min(s.confidence, (s.position, s.firm_id)) as confidence
    from {{ ref('stg_curated_firms__firm_segments') }} as s
    inner join {{ ref('int_firms__links') }} as l
        on l.source_id = 'curated_firms' and s.firm_id = l.source_record_id
    group by l.firm_id, s.segment_id
),

registered as (
    select
        l.firm_id,
        s.segment as segment_id,
        s.share,
        s."where" || ': ' || coalesce(s.matched_words, '') as evidence,
        s.rule_id,
        s.strength
    from (
        select
            'inbox' as source_id,
            partition || '/' || record_id as source_record_id,
            unnest(segments) as s
        from {{ ref('stg_inbox__firms_sector') }}
        where in_sector
        union all
        select
            source_id,
            record_id as source_record_id,
            unnest(segments) as s
        from {{ ref('int_firms__listed') }}
        where in_sector
    ) as r
    inner join {{ ref('int_firms__links') }} as l on r.source_id = l.source_id and r.source_record_id = l.source_record_id
    where not exists (select 1 from curated as c where c.firm_id = l.firm_id)
    union all by name
    select
        l.firm_id,
        s.segment as segment_id,
        s.share,
        s."where" || ': ' || coalesce(s.matched_words, '') as evidence,
        s.rule_id,
        s.strength
    from (
        select lei, unnest(segments) as s from {{ ref('int_gleif__entities') }} where in_sector
    ) as r
    inner join {{ ref('int_firms__links') }} as l on l.source_id = 'gleif' and l.source_record_id = r.lei
    where not exists (select 1 from curated as c where c.firm_id = l.firm_id)
    union all by name
    select
        firm_id,
        'oem' as segment_id,
        1.0 as share,
        'MIIT announcement: ' || sum(n_models) || ' new-energy models, batches ' || min(batch) || '-' || max(batch) as evidence,
        'miit_announcement' as rule_id,
        'definitive' as strength
    from {{ ref('int_firms__announced') }} as a
    where not exists (select 1 from curated as c where c.firm_id = a.firm_id)
    group by firm_id
    union all by name
    select
        l.firm_id,
        s.segment as segment_id,
        s.share,
        'listed company, ' || s."where" || ': ' || coalesce(s.matched_words, '') as evidence,
        s.rule_id,
        s.strength
    from (
        select 'listed:' || stock_code as source_record_id, unnest(segments) as s
        from {{ ref('stg_inbox__listed_sector') }}
        where in_sector
    ) as r
    inner join {{ ref('int_firms__links') }} as l on l.source_id = 'inbox' and l.source_record_id = r.source_record_id
    where not exists (select 1 from curated as c where c.firm_id = l.firm_id)
    union all by name
    -- who has a vehicle announced assembles vehicles
    select
        l.firm_id,
        'oem' as segment_id,
        1.0 as share,
        'MIIT announcement: ' || count(distinct m.model) || ' models, batches ' || min(m.batch) || '-' || max(m.batch)
            as evidence,
        'miit_announcement' as rule_id,
        'definitive' as strength
    from {{ ref('stg_inbox__miit_products') }} as m
    inner join {{ ref('int_firms__links') }} as l on l.source_id = 'inbox' and l.source_record_id = 'miit:' || m.company_key
    where not exists (select 1 from curated as c where c.firm_id = l.firm_id)
    group by l.firm_id
    union all by name
    -- a list admits firms of one trade; its name or the category says which
    select
        a.firm_id,
        a.segment_id,
        1.0 as share,
        'list ' || a.list_id || ', batch ' || a.batch || ': ' || a.action || ' ' || a.published_on as evidence,
        'admission_list' as rule_id,
        'strong' as strength
    from (
        select
            *,
            case
                when regexp_matches(coalesce(category, '') || list_id, '回收|综合利用|recycl') then 'recycling'
                when regexp_matches(coalesce(category, '') || list_id, '正极|负极|隔膜|电解液|material') then 'battery_materials'
                when regexp_matches(coalesce(category, '') || list_id, '电池|储能|battery') then 'battery'
                when regexp_matches(coalesce(category, '') || list_id, '充电|换电|charging') then 'charging'
                when regexp_matches(coalesce(category, '') || list_id, '整车|乘用车|商用车|客车|专用车|新能源汽车|vehicle') then 'oem'
            end as segment_id
        from {{ ref('int_firms__admitted') }}
        where action = 'admitted'
    ) as a
    where a.segment_id is not null and not exists (select 1 from curated as c where c.firm_id = a.firm_id)
),

ranked as (
    select
        firm_id,
        segment_id,
        row_number() over (partition by firm_id order by max(share) desc, segment_id) as position,
        -- of two records that say it equally, the surer
        arg_max(evidence, (share, surer, rule_id, evidence)) as evidence,
        arg_max(rule_id, (share, surer, rule_id, evidence)) as rule_id,
        'sourced' as support,
        case arg_max(strength, (share, surer, strength)) when 'definitive' then 'high' when 'strong' then 'medium' else 'low' end as confidence
    from (
        select
            *,
            case strength when 'definitive' then 2 when 'strong' then 1 else 0 end as surer
        from registered
    )
    group by firm_id, segment_id
),

chosen as (
    select * from curated
    union all by name
    select * from ranked
),

-- shares as decimals that add up to 1 exactly, the first segment taking what rounding leaves: sums of them over firms are the
-- same in any order, and a city of five units has five
weighed as (
    select
        *,
        row_number() over (partition by firm_id order by position, segment_id) as place,
        ((1.0 / position) / {{ ordered_sum('1.0 / position') }} over (partition by firm_id))::decimal(18, 15) as rounded
    from chosen
)

select
    firm_id,
    segment_id,
    position,
    case when place = 1 then 1 - sum(rounded) over (partition by firm_id) + rounded else rounded end::decimal(18, 15) as share,
    evidence,
    rule_id,
    support,
    source_tier,
    confidence
from weighed
