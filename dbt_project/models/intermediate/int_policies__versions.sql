-- One row per text that a record has had: when each was known, and which sentences came and went. Scraped records have one
-- row for each digest of their text; of files that people brought, one document's records follow each other; curated
-- documents have the editions that were collected with their days of validity.
with texts as (
    select
        m.policy_id,
        'policy_releases' as source_id,
        d.record_id as source_record_id,
        d.version::integer as version,
        d.first_seen as known_from,
        d.last_seen,
        d.content_sha256,
        d.content_zh as content,
        d.last_modified,
        cast(null as varchar) as valid_from,
        cast(null as varchar) as valid_to,
        cast(null as varchar) as stated_change
    from {{ ref('stg_policy_releases__documents') }} as d
    inner join {{ ref('int_policies__members') }} as m on d.record_id = m.record_id and m.source_id = 'policy_releases'
    qualify row_number() over (partition by d.record_id, d.content_sha256 order by d.first_seen, d.partition) = 1

    union all by name

    select
        m.policy_id,
        'inbox' as source_id,
        m.policy_id as source_record_id,
        row_number() over (partition by m.policy_id order by max(r.supplied_order))::integer as version,
        min(r.first_seen) as known_from,
        max(r.last_seen) as last_seen,
        r.content_sha256,
        arg_max(r.content, r.supplied_order) as content
    from {{ ref('int_policies__members') }} as m
    inner join {{ ref('int_policies__records') }} as r on m.record_key = r.record_key
    where r.source_id = 'inbox'
    group by m.policy_id, r.content_sha256

    union all by name

    select
        m.policy_id,
        'curated_policies' as source_id,
        v.policy_id as source_record_id,
        v.version::integer as version,
        v.valid_from,
        v.valid_to,
        v.change as stated_change
    from {{ ref('stg_curated_policies__policy_versions') }} as v
    inner join {{ ref('int_policies__members') }} as m on v.policy_id = m.record_id and m.source_id = 'curated_policies'
),

sentences as (
    select
        *,
        list_distinct(list_filter(list_transform(string_split_regex(coalesce(content, ''), '[。；;\n]'), lambda x: trim(x)), lambda x: x <> '')) as said
    from texts
),

before as (
    select
        *,
        lag(said) over w as said_before,
        lag(content_sha256) over w as sha_before,
        lead(known_from) over w as known_to,
        lead(version) over w is null as is_newest
    from sentences
    window w as (partition by source_id, source_record_id order by version)
)

select
    policy_id,
    source_id,
    source_record_id,
    version,
    known_from,
    known_to,
    last_seen,
    last_modified,
    valid_from,
    valid_to,
    content_sha256,
    length(content)::integer as characters,
    case
        when stated_change is not null then stated_change
        when version = 1 then 'first text known'
        when sha_before is null then 'text not held before'
        else
            len(list_filter(said, lambda x: not list_contains(said_before, x))) || ' sentences new, '
            || len(list_filter(said_before, lambda x: not list_contains(said, x))) || ' gone'
    end as change,
    case when version > 1 and sha_before is not null then list_filter(said, lambda x: not list_contains(said_before, x))[1:200] end as sentences_new,
    case when version > 1 and sha_before is not null then list_filter(said_before, lambda x: not list_contains(said, x))[1:200] end as sentences_gone,
    is_newest and content_sha256 is not null as is_current
from before
