-- One row per relation that a document states to another text: carries out, repeals, replaces, explains. The other text is
-- found by number, then by title, in the same place first; where it is not held, its name stands alone.
with members as (
    select
        m.policy_id,
        r.*
    from {{ ref('int_policies__members') }} as m
    inner join {{ ref('int_policies__records') }} as r on m.record_key = r.record_key
),

stated as (
    select
        policy_id as from_policy_id,
        source,
        adcode,
        'derives_from' as edge_type,
        derives_from_ref as target,
        derives_from_no as target_no,
        content
    from members
    where derives_from_ref is not null
    union all
    select
        policy_id as from_policy_id,
        source,
        adcode,
        'supersedes' as edge_type,
        unnest(supersedes) as target,
        cast(null as varchar) as target_no,
        content
    from members
    union all
    select
        policy_id as from_policy_id,
        source,
        adcode,
        'abolishes' as edge_type,
        unnest(list_filter(abolishes, lambda x: not list_contains(supersedes, x))) as target,
        cast(null as varchar) as target_no,
        content
    from members
    union all
    select
        policy_id as from_policy_id,
        source,
        adcode,
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
        lower(regexp_replace(target, '[\s“”"''‘’《》<>·,，、.。:：\-—]', '', 'g')) as title_key
    from stated
    where target <> ''
),

candidates as (
    select
        k.*,
        m.policy_id as to_policy_id,
        m.adcode as to_adcode,
        m.level as to_level,
        case
            when m.record_id = k.target and k.source = 'curated_policies' then 0
            when m.doc_no_key = k.no_key and m.adcode = k.adcode then 1
            when m.doc_no_key = k.no_key then 2
            when m.title_key = k.title_key and m.adcode = k.adcode then 3
            when m.title_key = k.title_key then 4
            else 5
        end as how
    from keyed as k
    left join members as m
        on
            m.policy_id <> k.from_policy_id
            and m.kind = 'text'
            and (
                (m.record_id = k.target and k.source = 'curated_policies')
                or m.doc_no_key = k.no_key
                or m.title_key = k.title_key
                -- a text is often named without the frame of its notice ("关于印发《…》的通知")
                or (length(k.title_key) >= 8 and m.title_key like '%' || k.title_key || '%' and m.adcode in (k.adcode, '100000'))
            )
),

resolved as (
    select
        from_policy_id,
        edge_type,
        target,
        to_policy_id,
        to_level,
        how,
        source,
        -- a bare title that two places share names nothing
        count(distinct to_policy_id) over (partition by from_policy_id, edge_type, target, how) as n_alike,
        content
    from candidates
    qualify row_number() over (partition by from_policy_id, edge_type, target order by how, to_policy_id) = 1
)

select
    from_policy_id,
    row_number() over (partition by from_policy_id order by edge_type, target) as edge_no,
    edge_type,
    case when how in (2, 4) and n_alike > 1 then null else to_policy_id end as to_policy_id,
    case when how in (2, 4) and n_alike > 1 then null else to_level end as to_level,
    target as to_text,
    case
        when to_policy_id is null or (how in (2, 4) and n_alike > 1) then 'not held'
        when how = 0 then 'curated'
        when how in (1, 2) then 'number'
        when how in (3, 4) then 'title'
        else 'title_within'
    end as resolved_by,
    -- the clause that says so; a curated relation has no words of the text
    list_filter(string_split_regex(coalesce(content, ''), '[。；;\n]'), lambda x: contains(x, target))[1] as evidence_words,
    source
from resolved
