-- The group of a firm as people state it with a source: one row per key (credit code, LEI or name) of a controlled firm and
-- of its parent. A stake below one half is no control; a statement that has ended counts no more. Parents are followed up
-- to five steps; the name of the group is the curated one where the parent stands in the curated list.
with stated as (
    select
        p.child_uscc,
        p.child_lei,
        {{ name_key('p.child_name') }} as child_key,
        p.parent_uscc,
        p.parent_lei,
        p.parent_name,
        {{ name_key('p.parent_name') }} as parent_key,
        p.share,
        p.source_url
    from {{ ref('stg_inbox__parents') }} as p
    cross join {{ ref('int_build') }} as b
    where {{ at_least('coalesce(p.share, 1)', '0.5') }} and (p.valid_to is null or p.valid_to >= cast(b.as_of as varchar))
    -- of two parents of one firm the newer statement is believed
    qualify row_number() over (
        partition by coalesce(p.child_uscc, p.child_lei, {{ name_key('p.child_name') }})
        order by p.valid_from desc nulls last, {{ supplied_first('p') }}
    ) = 1
),

climbed as (
    select
        s.child_uscc,
        s.child_lei,
        s.child_key,
        s.parent_uscc,
        s.parent_lei,
        s.parent_key,
        s.parent_name,
        s.source_url,
        1 as step
    from stated as s
),

top as (
    with recursive up as (
        select * from climbed
        union all
        select
            u.child_uscc,
            u.child_lei,
            u.child_key,
            s.parent_uscc,
            s.parent_lei,
            s.parent_key,
            s.parent_name,
            u.source_url,
            u.step + 1 as step
        from up as u
        inner join stated as s
            on u.parent_uscc = s.child_uscc or u.parent_lei = s.child_lei or u.parent_key = s.child_key
        where u.step < 5
    )

    select * from up
    qualify row_number() over (partition by coalesce(child_uscc, child_lei, child_key) order by step desc, parent_uscc, parent_lei, parent_key, parent_name, source_url) = 1
),

named as (
    select
        t.*,
        coalesce(c.group_name, t.parent_name, t.parent_uscc, t.parent_lei) as group_name
    from top as t
    left join {{ ref('stg_curated_firms__firms') }} as c
        on t.parent_uscc = c.uscc
        or t.parent_lei = c.lei
        or t.parent_key in ({{ name_key('c.name_zh') }}, {{ name_key('c.name_zh_short') }}, {{ name_key('c.name_en') }})
    qualify row_number() over (
        partition by coalesce(t.child_uscc, t.child_lei, t.child_key) order by c.group_name nulls last, c.firm_id
    ) = 1
),

keyed as (
    select
        unnest([child_uscc, child_lei, 'name:' || child_key, parent_uscc, parent_lei, 'name:' || parent_key]) as firm_key,
        group_name,
        source_url
    from named
)

select
    firm_key,
    min(group_name) as group_name,
    min(source_url) as source_url
from keyed
where firm_key is not null
group by firm_key
