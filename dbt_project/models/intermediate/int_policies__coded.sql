-- One row per document, instrument and place in its text: the codes that a person gave, and those of the rules on one
-- text of the document, its fullest: a document that three sites show is coded once.
-- Words are quoted only where the document's own text was read. What was coded from its title or from a collector's summary
-- stands in `coded_from`, and is nobody's words.
with coded as (
    select
        'curated_policies:' || policy_id as record_key,
        instrument_id,
        evidence_start,
        evidence_end,
        direction,
        amount,
        unit,
        amount_role,
        segment_id,
        beneficiary,
        evidence_text,
        sentence,
        rule_id,
        coded_by,
        support,
        source_tier,
        support_note,
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
    qualify row_number() over (partition by policy_id, instrument_id, evidence_start order by partition) = 1
),

based as (
    select
        c.*,
        m.policy_id,
        m.source_id,
        m.record_id,
        case
            when r.text_kind in ('full', 'attachment') and c.coded_by <> 'curated' then 'text'
            when c.coded_by = 'curated' and coalesce(c.evidence_text <> r.title_zh, true) and r.text_kind <> 'title_only' then 'summary'
            when c.coded_by <> 'curated' and r.text_kind = 'summary' and c.evidence_start >= length(r.title_zh) then 'summary'
            -- a person coded it and kept no words: from the title, or from pages of which only the address is left
            when c.coded_by = 'curated' then 'hand'
            else 'title'
        end as evidence_basis
    from coded as c
    inner join {{ ref('int_policies__members') }} as m on c.record_key = m.record_key
    inner join {{ ref('int_policies__records') }} as r on c.record_key = r.record_key
    where m.is_text or c.coded_by = 'curated'
)

select
    c.policy_id,
    c.instrument_id,
    c.evidence_start,
    c.evidence_end,
    c.direction,
    c.amount,
    c.unit,
    -- no reward or rate for one buyer, firm or pile is 50 million CNY or more: such a sum in a summary is a fund, a credit line, a
    -- signed investment or an output, and which of them the words do not always tell
    case when c.amount_role = 'rate' and c.unit = 'CNY' and {{ at_least('c.amount', '5e7') }} then 'stated' else c.amount_role end as amount_role,
    c.segment_id,
    c.beneficiary,
    c.evidence_basis,
    case when c.evidence_basis = 'text' then c.evidence_text end as evidence_text,
    case when c.evidence_basis = 'text' then c.sentence end as sentence,
    case when c.evidence_basis <> 'text' then coalesce(c.sentence, c.evidence_text) end as coded_from,
    c.rule_id,
    c.coded_by,
    c.support,
    c.source_tier,
    c.support_note,
    c.confidence,
    -- who paid and who was paid, in the words of the statement: no source names them yet, and a sum without both is a sum named
    -- in a document, whoever's it is (a firm's own share, a bank's credit line, a goal)
    cast(null as varchar) as payer,
    cast(null as varchar) as payee,
    c.source_id,
    c.record_id as source_record_id
from based as c
