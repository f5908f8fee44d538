select
    record_id,
    record_no,
    city_adcode as city_id,
    city,
    year,
    product,
    output,
    unit,
    basis,
    source_url,
    as_of,
    flags,
    _partition as partition,
    _snapshot_sha256 as snapshot_sha256,
    _fetched_at as fetched_at
from {{ source('inbox', 'city_output') }}
