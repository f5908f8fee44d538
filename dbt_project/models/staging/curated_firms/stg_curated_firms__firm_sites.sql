select
    firm_id,
    city_adcode as city_id,
    district_zh,
    longitude,
    latitude,
    {{ house_support('support') }} as support,
    confidence
from {{ source('curated_firms', 'firm_sites') }}
