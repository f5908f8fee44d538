select
    policy_id,
    content_sha256,
    doc_type,
    doc_no,
    title_key,
    valid_from,
    valid_to,
    is_expired,
    is_abolished,
    derives_from_title,
    derives_from_no,
    abolishes,
    supersedes,
    _partition as partition
from {{ source('inbox', 'policy_facts') }}
