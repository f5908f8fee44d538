select
    record_id,
    stock_code,
    short_name,
    short_name_en,
    industry,
    province,
    listed_on,
    reported_on,
    status,
    in_sector,
    sector_basis,
    segments,
    located_adcode,
    place_rule,
    place_conflict
from {{ source('bse', 'listed') }}
