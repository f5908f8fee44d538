-- Where a second coder and the rules differ on one text. Empty where no second coder was asked.
with asked as (
    select
        a.*,
        m.policy_id
    from {{ ref('stg_second_coder__asked') }} as a
    inner join {{ ref('int_policies__members') }} as m on a.record_key = m.record_key
    -- the text that stands, and the one that the rules coded
    where m.is_text
    qualify row_number() over (partition by a.record_key, a.model, a.prompt_sha256 order by a.asked_at desc, a.content_sha256, a.prompt) = 1
),

rules as (
    select
        policy_id,
        instrument_id,
        mode(direction order by direction) as direction,
        arg_min(evidence_text, (evidence_start, evidence_end, rule_id, evidence_text)) as evidence_text,
        arg_min(rule_id, (evidence_start, evidence_end, rule_id, evidence_text)) as rule_id
    from {{ ref('int_policies__coded') }}
    where coded_by = 'rules'
    group by policy_id, instrument_id
),

second as (
    select
        a.policy_id,
        a.model,
        a.prompt_sha256,
        l.instrument_id,
        l.direction,
        l.evidence_text,
        l.evidence_start is not null as in_text
    from asked as a
    inner join {{ ref('stg_second_coder__labels') }} as l
        on
            a.record_key = l.record_key and a.content_sha256 = l.content_sha256
            and a.prompt_sha256 = l.prompt_sha256 and a.model = l.model
),

instruments_seen as (
    select
        a.policy_id,
        a.model,
        a.prompt_sha256,
        r.instrument_id
    from asked as a
    inner join rules as r on a.policy_id = r.policy_id
    union
    select
        policy_id,
        model,
        prompt_sha256,
        instrument_id
    from second
)

select
    i.policy_id,
    i.instrument_id,
    case
        when s.instrument_id is null then 'only_rules'
        when r.instrument_id is null then 'only_second_coder'
        else 'direction'
    end as verdict,
    r.direction as rules_direction,
    s.direction as second_direction,
    r.evidence_text as rules_evidence,
    r.rule_id,
    s.evidence_text as second_evidence,
    s.in_text as second_evidence_in_text,
    i.model,
    i.prompt_sha256,
    a.prompt,
    a.asked_at,
    {{ stamp() }}
from instruments_seen as i
inner join asked as a on i.policy_id = a.policy_id and i.model = a.model and i.prompt_sha256 = a.prompt_sha256
left join rules as r on i.policy_id = r.policy_id and i.instrument_id = r.instrument_id
left join second as s
    on i.policy_id = s.policy_id and i.instrument_id = s.instrument_id and i.model = s.model and i.prompt_sha256 = s.prompt_sha256
cross join {{ ref('int_build') }} as b
where r.direction is distinct from s.direction
