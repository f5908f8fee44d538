select
    record_id,
    batch,
    data_tag,
    product_id,
    maker,
    brand,
    model,
    product,
    nev_type,
    swappable,
    vehicle_class
from {{ source('miit', 'products') }}
