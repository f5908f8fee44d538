{{ config(alias='quarantine') }}
-- what was held, where and why; what the cells held is told to nobody (`payload` stays in the home)
select
    q.source as source_id,
    q.partition,
    q.page_key as file_or_request,
    q.record,
    q.reason,
    q."column",
    q.detail
from {{ source('_quarantine', 'records') }} as q
union all
select
    a.source as source_id,
    a.partition,
    a.file as file_or_request,
    cast(null as bigint) as record,
    a.outcome as reason,
    cast(null as varchar) as "column",
    a.message as detail
from {{ source('_meta', 'accounts') }} as a
where a.outcome in ('rejected', 'blocked', 'failed', 'withdrawn', 'double')
