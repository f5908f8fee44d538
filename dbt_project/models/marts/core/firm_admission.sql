select
    a.firm_id,
    a.list_id,
    a.batch,
    a.action,
    a.published_on,
    a.stands,
    a.announcement_no,
    a.category,
    a.company_zh,
    a.source_url,
    {{ stamp() }}
from {{ ref('int_firms__admitted') }} as a
cross join {{ ref('int_build') }} as b
