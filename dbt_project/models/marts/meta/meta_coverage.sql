{{ config(alias='coverage') }}
select
    c.place_id,
    c.place,
    c.source_id,
    c.adapter,
    c.covered,
    c.pages,
    c.body_share::double as body_share,
    c.note,
    c.months
from (
    select * from {{ ref('int_coverage') }}
    union all by name
    select * from {{ ref('int_coverage__registers') }}
) as c
