-- One row per firm and segment with its share: 1/1, 1/2, 1/3 … by position in the source's list, made to sum to 1. The
-- curated list speaks first; a firm that it does not know has the segments found in its registration.
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

chosen as (
    select * from curated
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
