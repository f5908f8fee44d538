-- One row per firm whose LEI record names who consolidates it: the ultimate parent, else the direct one. Where the parent
-- is a firm here, its own group is the group; else the parent's legal name names it. A lapsed record speaks only where no
-- renewed one does, and the evidence says so.
with links as (
    select source_record_id as lei, firm_id from {{ ref('int_firms__links') }} where source_id = 'gleif'
),

stated as (
    select
        c.firm_id,
        p.child_lei,
        p.parent_lei,
        p.relationship,
        p.registration_status,
        p.confidence,
        p.published_on
    from {{ ref('int_gleif__parents') }} as p
    inner join links as c on p.child_lei = c.lei
    where p.is_current and p.parent_lei != p.child_lei
    -- a renewed record before a lapsed one; of two parents of one kind the newest is believed
    qualify
        row_number() over (
            partition by c.firm_id
            order by
                p.confidence = 'low', p.relationship = 'IS_ULTIMATELY_CONSOLIDATED_BY' desc, p.published_on desc,
                p.updated_at desc, p.parent_lei, p.child_lei, p.relationship
        ) = 1
)

select
    s.firm_id,
    s.parent_lei,
    f.firm_id as parent_firm_id,
    coalesce(e.name_en, e.name_zh) as parent_name,
    s.confidence,
    'gleif: ' || s.child_lei || ' ' || lower(replace(s.relationship, '_', ' ')) || ' ' || s.parent_lei
    || ' (' || lower(s.registration_status) || if(s.confidence = 'low', ', not renewed: low confidence', '')
    || ', ' || s.published_on || ')' as evidence
from stated as s
left join {{ ref('int_gleif__entities') }} as e on s.parent_lei = e.lei
left join links as f on s.parent_lei = f.lei
where f.firm_id is distinct from s.firm_id
