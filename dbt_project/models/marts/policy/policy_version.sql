-- One row per text that a record of a document has had.
select
    v.policy_id,
    v.source_id,
    v.source_record_id,
    v.version,
    v.known_from,
    v.known_to,
    v.last_seen,
    v.last_modified,
    {{ first_day('v.valid_from') }} as valid_from,
    {{ precision_of('v.valid_from') }} as valid_from_precision,
    {{ last_day_of('v.valid_to') }} as valid_to,
    {{ precision_of('v.valid_to') }} as valid_to_precision,
    v.content_sha256,
    v.characters,
    v.change,
    v.sentences_new,
    v.sentences_gone,
    v.is_current,
    {{ stamp() }}
from {{ ref('int_policies__versions') }} as v
cross join {{ ref('int_build') }} as b
