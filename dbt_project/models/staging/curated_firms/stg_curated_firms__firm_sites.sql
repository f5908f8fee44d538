select
    firm_id,
    city_adcode,
    district_zh,
    longitude,
    latitude,
    support,
    confidence
from {{ source('curated_firms', 'firm_sites') }}
