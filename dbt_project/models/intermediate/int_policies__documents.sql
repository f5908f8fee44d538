-- One row per policy document of every source, reposts already clustered by their source.
select
    policy_id,
    'curated_policies' as source,
    issuer,
    level,
    adcode,
    place,
    title_zh,
    title_is_back_translated,
    title_en,
    doc_no,
    issued_on,
    issued_precision,
    try_cast(left(issued_on, 4) as integer) as issued_year,
    published_on,
    valid_from,
    valid_to,
    status,
    doc_type,
    derives_from,
    text_kind,
    url,
    -- the word before the colon is how far the fact is supported; what follows it is where
    regexp_extract(support, '^[a-z]+') as support,
    confidence
from {{ ref('stg_curated_policies__policies') }}
