select
    record_key,
    content_sha256,
    prompt_sha256,
    model,
    prompt,
    n_labels,
    asked_at
from {{ source('second_coder', 'asked') }}
