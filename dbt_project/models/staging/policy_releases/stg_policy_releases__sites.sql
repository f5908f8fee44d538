select
    site,
    family,
    adapter,
    covered,
    place,
    adcode as place_id,
    level,
    issuer,
    homepage,
    n_roots,
    first_month,
    verified,
    note
from {{ source('policy_releases', 'sites') }}
