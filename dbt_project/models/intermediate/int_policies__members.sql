-- One row per record of every source with the document that it is part of. The document is named by its first record:
-- curated before scraped with a number, before brought, before the rest.
select
    c.record_key,
    r.source_id,
    r.record_id,
    h.record_id as policy_id,
    c.match_rule,
    c.match_score,
    c.matched_to,
    row_number() over (partition by h.record_id order by r.priority, r.record_key) as place_in_cluster,
    -- whose text is coded for the document: the fullest, then the first
    row_number() over (
        partition by h.record_id
        order by
            case r.text_kind when 'full' then 0 when 'attachment' then 1 when 'summary' then 2 else 3 end,
            -- of two full texts that users supplied the newer stands
            r.supplied_order desc nulls first,
            r.priority,
            r.record_key
    ) = 1 as is_text
from {{ ref('int_policies__clusters') }} as c
inner join {{ ref('int_policies__records') }} as r on c.record_key = r.record_key
inner join {{ ref('int_policies__records') }} as h on c.cluster_key = h.record_key
