{{ config(alias='policy_coding_quality') }}
select
    q.part,
    q.measure,
    q.item,
    q.precision::double as precision,
    q.recall::double as recall,
    q.f1::double as f1,
    q.n_gold::integer as n_gold,
    q.n_predicted::integer as n_predicted,
    q.n_texts::integer as n_texts
from {{ ref('policy_coding_quality') }} as q
