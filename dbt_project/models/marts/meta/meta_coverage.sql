{{ config(alias='coverage') }}
select
    c.place_adcode,
    c.place,
    c.source,
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
