{{ config(alias='source') }}
select
    s.source as source_id,
    s.title as name,
    s.publisher,
    s.licence,
    s.url,
    s.cadence,
    s.live,
    max(a.checked_at) filter (where a.outcome in ('landed', 'unchanged')) as last_success,
    try_cast(max(a.as_of) filter (where a.as_of <> '') as date) as as_of,
    coalesce(sum(a.rows), 0)::bigint as rows,
    coalesce(sum(a.records_in), 0)::bigint as records_in,
    coalesce(sum(a.quarantined), 0)::bigint as quarantined,
    coalesce(string_agg(distinct a.health, ', ' order by a.health), 'never_run') as health,
    s.coverage as covers,
    s.attribution
from {{ source('_meta', 'sources') }} as s
left join {{ source('_meta', 'accounts') }} as a on s.source = a.source
group by all
