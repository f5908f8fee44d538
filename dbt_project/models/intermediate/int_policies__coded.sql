-- One row per document, instrument and place in its text: the codes that a person gave, and those of the rules on one
-- text of the document, its fullest: a document that three sites show is coded once.
with coded as (
    select
        'curated_policies:' || policy_id as record_key,
        instrument,
        evidence_start,
        evidence_end,
        direction,
        amount,
        unit,
        amount_role,
        segment,
        beneficiary,
        evidence_text,
        sentence,
        rule_id,
        coded_by,
        regexp_extract(support, '^[a-z]+') as support,
        confidence
    from {{ ref('stg_curated_policies__policy_instruments') }}
    union all by name
    select
        r.record_key,
        i.* exclude (policy_id, partition)
    from {{ ref('stg_inbox__policy_instruments') }} as i
    inner join {{ ref('int_policies__records') }} as r on i.policy_id = r.supplied_record_id and i.partition = r.supplied_partition
    union all by name
    select
        'policy_releases:' || policy_id as record_key,
        * exclude (policy_id, partition, snapshot_sha256, fetched_at)
    from {{ ref('stg_policy_releases__policy_instruments') }}
    qualify row_number() over (partition by policy_id, instrument, evidence_start order by partition) = 1
)

select
    m.policy_id,
    c.instrument,
    c.evidence_start,
    c.evidence_end,
    c.direction,
    c.amount,
    c.unit,
    -- no reward or rate for one buyer, firm or pile is 50 million CNY or more: such a sum in a summary is a fund, a credit line, a
    -- signed investment or an output, and which of them the words do not always tell
    case when c.amount_role = 'rate' and c.unit = 'CNY' and c.amount >= 5e7 then 'stated' else c.amount_role end as amount_role,
    c.segment,
    c.beneficiary,
    c.evidence_text,
    c.sentence,
    c.rule_id,
    c.coded_by,
    c.support,
    c.confidence,
    m.source,
    m.record_id as source_record_id
from coded as c
inner join {{ ref('int_policies__members') }} as m on c.record_key = m.record_key
where m.is_text or c.coded_by = 'curated'
