-- One row per relation that a document states to another text: carries out, repeals, replaces, explains. The other text is
-- found by number, then by title, in the same place first; where it is not held, its name stands alone.
with members as (
    select
        m.policy_id,
        -- a text is often named without the frame of its notice ("关于印发《…》的通知", "关于印发…的通知")
        nullif({{ title_key("coalesce(nullif(regexp_extract(r.title_zh, '《(.+)》', 1), ''), regexp_extract(r.title_zh, '关于(?:印发|发布|公布|转发)(.+?)的?(?:通知|公告|通告)$', 1))") }}, '') as inner_key,
        r.*
    from {{ ref('int_policies__members') }} as m
    inner join {{ ref('int_policies__records') }} as r on m.record_key = r.record_key
),

stated as (
    select
        policy_id as from_policy_id,
        source_id,
        place_id,
        'derives_from' as edge_type,
        derives_from_ref as target,
        derives_from_no as target_no,
        content
    from members
    where derives_from_ref is not null
    union all
    select
        policy_id as from_policy_id,
        source_id,
        place_id,
        'supersedes' as edge_type,
        unnest(supersedes) as target,
        cast(null as varchar) as target_no,
        content
    from members
    union all
    select
        policy_id as from_policy_id,
        source_id,
        place_id,
        'abolishes' as edge_type,
        unnest(list_filter(abolishes, lambda x: not list_contains(supersedes, x))) as target,
        cast(null as varchar) as target_no,
        content
    from members
    union all
    select
        policy_id as from_policy_id,
        source_id,
        place_id,
        'interprets' as edge_type,
        regexp_extract(title_zh, '《(.+)》', 1) as target,
        cast(null as varchar) as target_no,
        title_zh as content
    from members
    where doc_type = 'interpretation' and title_zh like '%《%》%'
),

keyed as (
    select distinct
        *,
        case when target_no is not null then target_no when regexp_matches(target, '〔\d{4}〕\d+号$|令第\d+号$|公告\d{4}年第\d+号$') then target end as no_key,
        {{ title_key('target') }} as title_key
    from stated
    where target <> ''
),

texts as (
    select
        policy_id as to_policy_id,
        place_id as to_adcode,
        level as to_level,
        record_id,
        source_id as to_source,
        doc_no_key,
        title_key as to_title_key,
        inner_key
    from members
    where kind = 'text'
),

candidates as (
    select
        k.*,
        t.to_policy_id,
        t.to_level,
        0 as how
    from keyed as k
    inner join texts as t on k.target = t.record_id and t.to_source = 'curated_policies'
    where k.source_id = 'curated_policies'
    union all
    select
        k.*,
        t.to_policy_id,
        t.to_level,
        case when t.to_adcode = k.place_id then 1 else 2 end as how
    from keyed as k
    inner join texts as t on k.no_key = t.doc_no_key
    union all
    select
        k.*,
        t.to_policy_id,
        t.to_level,
        case when t.to_adcode = k.place_id then 3 else 4 end as how
    from keyed as k
    inner join texts as t on k.title_key = t.to_title_key
    union all
    select
        k.*,
        t.to_policy_id,
        t.to_level,
        5 as how
    from keyed as k
    inner join texts as t on k.title_key = t.inner_key and t.to_adcode in (k.place_id, '100000')
),

found as (
    select
        *,
        -- a bare title or number that two places share names nothing
        count(distinct to_policy_id) over (partition by from_policy_id, edge_type, target, how) as n_alike
    from candidates
    where to_policy_id <> from_policy_id
    qualify row_number() over (partition by from_policy_id, edge_type, target order by how, to_policy_id, to_level) = 1
),

resolved as (
    select
        k.from_policy_id,
        k.edge_type,
        k.target,
        k.source_id,
        k.content,
        case when f.how in (2, 4) and f.n_alike > 1 then null else f.to_policy_id end as to_policy_id,
        case when f.how in (2, 4) and f.n_alike > 1 then null else f.to_level end as to_level,
        case
            when f.how is null or (f.how in (2, 4) and f.n_alike > 1) then 'not held'
            when f.how = 0 then 'curated'
            when f.how in (1, 2) then 'number'
            when f.how in (3, 4) then 'title'
            else 'title_within'
        end as resolved_by
    from keyed as k
    left join found as f on k.from_policy_id = f.from_policy_id and k.edge_type = f.edge_type and k.target = f.target
    -- a document named by itself is no relation
    where not exists (
        select 1 from members as m where m.policy_id = k.from_policy_id and (m.doc_no_key = k.no_key or m.title_key = k.title_key)
    )
    qualify row_number() over (partition by k.from_policy_id, k.edge_type, k.target order by k.source_id, length(k.content) desc, k.content, k.place_id, k.target_no) = 1
)

select
    from_policy_id,
    row_number() over (partition by from_policy_id order by edge_type, target) as edge_no,
    edge_type,
    to_policy_id,
    to_level,
    target as to_text,
    resolved_by,
    -- the clause that says so; a curated relation has no words of the text
    list_filter(string_split_regex(coalesce(content, ''), '[。；;\n]'), lambda x: contains(x, target))[1] as evidence_words,
    source_id
from resolved
