{{ config(alias='contract') }}
select
    b.contract_version,
    'v1.0.0' as duckdb_storage_version,
    'additions raise the minor number; a rename, a removal or a change of meaning raises the major one' as rule
from {{ ref('int_build') }} as b
