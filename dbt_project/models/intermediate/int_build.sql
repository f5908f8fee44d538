-- One row: the build itself. Every mart carries its vintage, so that a number can be traced to the version it stood in.
select
    vintage_id,
    version,
    sequence,
    cast(as_of as date) as as_of,
    cast(built_at as timestamptz) as built_at,
    run_id,
    code_version,
    contract_version,
    previous_version,
    '{{ var("method_version") }}' as method_version,
    year(cast(as_of as date)) as this_year,
    -- The day from which values of this version are known. Of a line of versions it never goes back.
    greatest(
        cast(as_of as varchar), coalesce((select max(left(h.known_from, 10)) from {{ source('_meta', 'indicator_history') }} as h), '')
    ) as known_on
from {{ source('_meta', 'build') }}
