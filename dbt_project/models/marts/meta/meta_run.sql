{{ config(alias='run') }}
select
    b.run_id,
    b.vintage_id,
    b.sequence::integer as sequence,
    b.previous_version,
    b.built_at,
    b.as_of,
    b.code_version,
    b.method_version,
    b.contract_version
from {{ ref('int_build') }} as b
