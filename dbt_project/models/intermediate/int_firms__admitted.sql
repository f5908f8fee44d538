-- One row per firm, list, batch and action: when a ministry's list admitted a firm, and when it struck it off. The newest
-- event of a list tells whether the firm stands on it.
with events as (
    select
        l.firm_id,
        a.list_id,
        a.batch,
        a.action,
        a.published_on,
        a.announcement_no,
        a.category,
        a.company_zh,
        a.source_url
    from {{ ref('stg_inbox__admission_lists') }} as a
    inner join {{ ref('int_firms__links') }} as l
        on l.source_id = 'inbox' and l.source_record_id = 'admission:' || coalesce(a.uscc, a.company_key)
    qualify row_number() over (
        partition by l.firm_id, a.list_id, a.batch, a.action order by {{ supplied_first('a') }}
    ) = 1
)

select
    *,
    first_value(action) over (
        partition by firm_id, list_id order by published_on desc, batch desc, action desc
    ) = 'admitted' as stands
from events
