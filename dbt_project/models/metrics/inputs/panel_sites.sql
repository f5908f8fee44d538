-- Points beside plants that take part in density clusters. The atlas knows seats of firms; a person's panel has none.
{% if var('panel') %}
select
    null::varchar as plant_id,
    null::double as lon,
    null::double as lat,
    null::integer as from_year,
    null::integer as to_year
where false
{% else %}
select
    plant_id,
    lon,
    lat,
    from_year,
    to_year
from {{ ref('int_panel__sites') }}
{% endif %}
