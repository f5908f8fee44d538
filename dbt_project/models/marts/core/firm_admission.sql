select
    a.firm_id,
    a.list_id,
    a.batch,
    a.action,
    {{ first_day('a.published_on') }} as published_on,
    {{ precision_of('a.published_on') }} as published_on_precision,
    a.stands,
    a.announcement_no,
    a.category,
    a.company_zh,
    a.source_url,
    {{ stamp() }}
from {{ ref('int_firms__admitted') }} as a
cross join {{ ref('int_build') }} as b
