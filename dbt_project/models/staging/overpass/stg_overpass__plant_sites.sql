select
    record_id,
    osm_type,
    osm_id,
    province_adcode as province_id,
    name,
    name_zh,
    name_en,
    operator,
    operator_zh,
    brand,
    product,
    man_made,
    landuse,
    industrial,
    start_date,
    wikidata,
    operator_wikidata,
    addr_city,
    disused,
    abandoned,
    longitude,
    latitude,
    coordinate_system,
    osm_base
from {{ source('overpass', 'plant_sites') }}
-- an element on the border of two provinces is found in both
qualify row_number() over (partition by record_id order by province_adcode) = 1
