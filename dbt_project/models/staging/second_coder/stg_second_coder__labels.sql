select
    record_key,
    content_sha256,
    prompt_sha256,
    model,
    instrument as instrument_id,
    direction,
    evidence_text,
    evidence_start
from {{ source('second_coder', 'labels') }}
