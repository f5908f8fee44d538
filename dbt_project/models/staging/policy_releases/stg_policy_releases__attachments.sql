select
    record_id,
    n,
    url,
    name,
    media,
    sha256,
    bytes,
    extraction,
    reason,
    text,
    _partition as partition,
    _snapshot_sha256 as snapshot_sha256,
    _fetched_at as fetched_at
from {{ source('policy_releases', 'attachments') }}
