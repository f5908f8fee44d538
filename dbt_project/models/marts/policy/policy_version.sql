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
    v.valid_from,
    v.valid_to,
    v.content_sha256,
    v.characters,
    v.change,
    v.sentences_new,
    v.sentences_gone,
    v.is_current,
    {{ stamp() }}
from {{ ref('int_policies__versions') }} as v
cross join {{ ref('int_build') }} as b
