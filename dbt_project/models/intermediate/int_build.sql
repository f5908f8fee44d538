-- One row: the build itself. Every mart carries its vintage, so that a number can be traced to the version it stood in.
select
    vintage_id,
    sequence,
    cast(as_of as date) as as_of,
    cast(built_at as timestamptz) as built_at,
    cast(built_at as varchar) as built_at_text,
    run_id,
    code_version,
    contract_version,
    previous_version,
    '{{ var("method_version") }}' as method_version,
    year(cast(as_of as date)) as this_year
from {{ source('_meta', 'build') }}
