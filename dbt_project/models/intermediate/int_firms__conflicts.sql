-- Pairs that a rule proposes and that stayed apart, and what spoke against them: for a person to look at.
select
    p.a as record_a,
    p.b as record_b,
    x.firm_id as firm_a,
    y.firm_id as firm_b,
    p.match_rule,
    p.match_score,
    case
        when a.uscc != b.uscc then 'uscc differs'
        when a.lei != b.lei then 'lei differs'
        when a.share_code != b.share_code then 'listed share differs'
        when a.curated_id != b.curated_id then 'two firms of the curated list'
        else 'another record of the firm has a different uscc, lei, share or place in the curated list'
    end as reason,
    a.name_zh as name_a,
    b.name_zh as name_b
from {{ ref('int_firms__pairs') }} as p
inner join {{ ref('int_firms__links') }} as x on p.a = x.record_key
inner join {{ ref('int_firms__links') }} as y on p.b = y.record_key
inner join {{ ref('int_firms__records') }} as a on p.a = a.record_key
inner join {{ ref('int_firms__records') }} as b on p.b = b.record_key
where x.firm_id != y.firm_id
