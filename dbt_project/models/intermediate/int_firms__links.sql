-- One row per record of a source: the firm that it is about, by which rule, how surely.
-- A firm keeps the id that the curated list gave it; else its id is a digest of its best key (USCC, LEI, listed share,
-- else name and place), so that the same firm has the same id in the next build.
with clustered as (
    select
        c.cluster_key,
        c.match_rule,
        c.match_score,
        c.matched_to,
        r.*
    from {{ ref('int_firms__clusters') }} as c
    inner join {{ ref('int_firms__records') }} as r on c.record_key = r.record_key
),

identified as (
    select
        cluster_key,
        coalesce(
            min(source_record_id) filter (where source_id = 'curated_firms'),
            'U' || left(md5(min(uscc)), 12),
            'L' || left(md5(min(lei)), 12),
            'S' || min(share_code),
            'N' || left(md5(
                coalesce(arg_min(coalesce(name_key, name_en_key), (priority, record_key)), min(record_key)) || '|'
                || coalesce(arg_min(city_id, (priority, record_key)), '')), 12)
        ) as firm_id
    from clustered
    group by cluster_key
)

select
    c.source_id,
    c.source_record_id,
    c.record_key,
    i.firm_id,
    c.match_rule,
    c.match_score,
    c.matched_to
from clustered as c
inner join identified as i on c.cluster_key = i.cluster_key
