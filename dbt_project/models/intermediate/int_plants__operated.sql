-- One row per plant and holder: which firm ran it, and from when to when (a site can change hands).
select
    p.plant_id,
    o.firm_id,
    o.relation,
    o.from_year,
    o.to_year,
    o.support,
    o.note,
    row_number() over (
        partition by p.plant_id
        order by
            (o.plant_id is not null) desc, (o.relation = 'operates') desc, coalesce(o.to_year, 9999) desc,
            coalesce(o.from_year, 0) desc, o.firm_id, o.relation, o.support, o.note
    ) as precedence
from {{ ref('stg_curated_plants__plants') }} as p
inner join {{ ref('stg_curated_plants__operators') }} as o
    on p.operator = o.operator and (o.plant_id is null or o.plant_id = p.plant_id)
where o.firm_id is not null
