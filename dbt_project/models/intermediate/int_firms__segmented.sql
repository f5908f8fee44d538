-- One row per firm and segment with its share: 1/1, 1/2, 1/3 … by position in the source's list, made to sum to 1. The
-- curated list speaks first; a firm that it does not know has the segments found in its registration or in its name (an LEI record
-- has no more), and a maker that announced vehicles assembles them.
with curated as (
    select
        l.firm_id,
        s.segment,
        min(s.position) as position,
        'curated list' as evidence,
        'curated' as rule_id,
        arg_min(s.support, s.position) as support,
        arg_min(s.confidence, s.position) as confidence
    from {{ ref('stg_curated_firms__firm_segments') }} as s
    inner join {{ ref('int_firms__links') }} as l
        on l.source = 'curated_firms' and s.firm_id = l.source_record_id
    group by l.firm_id, s.segment
),

registered as (
    select
        l.firm_id,
        s.segment,
        s.share,
        s."where" || ': ' || coalesce(s.matched_words, '') as evidence,
        s.rule_id,
        s.strength
    from (
        select partition || '/' || record_id as source_record_id, unnest(segments) as s
        from {{ ref('stg_inbox__firms_sector') }}
        where in_sector
    ) as r
    inner join {{ ref('int_firms__links') }} as l on l.source = 'inbox' and l.source_record_id = r.source_record_id
    where not exists (select 1 from curated as c where c.firm_id = l.firm_id)
    union all by name
    select
        l.firm_id,
        s.segment,
        s.share,
        s."where" || ': ' || coalesce(s.matched_words, '') as evidence,
        s.rule_id,
        s.strength
    from (
        select lei, unnest(segments) as s from {{ ref('int_gleif__entities') }} where in_sector
    ) as r
    inner join {{ ref('int_firms__links') }} as l on l.source = 'gleif' and l.source_record_id = r.lei
    where not exists (select 1 from curated as c where c.firm_id = l.firm_id)
    union all by name
    select
        firm_id,
        'oem' as segment,
        1.0 as share,
        'MIIT announcement: ' || sum(n_models) || ' new-energy models, batches ' || min(batch) || '-' || max(batch) as evidence,
        'miit_announcement' as rule_id,
        'definitive' as strength
    from {{ ref('int_firms__announced') }} as a
    where not exists (select 1 from curated as c where c.firm_id = a.firm_id)
    group by firm_id
),

ranked as (
    select
        firm_id,
        segment,
        row_number() over (partition by firm_id order by max(share) desc, segment) as position,
        arg_max(evidence, share) as evidence,
        arg_max(rule_id, share) as rule_id,
        'seen' as support,
        case arg_max(strength, share) when 'definitive' then 'high' when 'strong' then 'medium' else 'low' end as confidence
    from registered
    group by firm_id, segment
),

chosen as (
    select * from curated
    union all by name
    select * from ranked
)

select
    firm_id,
    segment,
    position,
    (1.0 / position) / sum(1.0 / position) over (partition by firm_id) as share,
    evidence,
    rule_id,
    support,
    confidence
from chosen
