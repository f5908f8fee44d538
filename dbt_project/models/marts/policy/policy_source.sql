-- One row per record of a source, with the document that it is part of.
select
    m.source_id,
    m.record_id as source_record_id,
    m.policy_id,
    m.match_rule,
    m.match_score,
    m.is_text,
    r.title_zh,
    r.doc_no,
    {{ first_day('r.issued_on') }} as issued_on,
    {{ precision_of('r.issued_on') }} as issued_on_precision,
    {{ first_day('r.published_on') }} as published_on,
    {{ precision_of('r.published_on') }} as published_on_precision,
    r.text_kind,
    r.content_sha256,
    r.url,
    r.first_seen,
    r.last_seen,
    {{ stamp() }}
from {{ ref('int_policies__members') }} as m
inner join {{ ref('int_policies__records') }} as r on m.record_key = r.record_key
cross join {{ ref('int_build') }} as b
