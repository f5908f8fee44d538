-- One row per firm and batch of announcements: its new-energy models by kind. One model code may stand in several rows
-- of a batch (its variants); it is one model.
select
    l.firm_id,
    p.batch,
    string_agg(distinct p.maker, ';' order by p.maker) as makers,
    string_agg(distinct p.brand, ';' order by p.brand) as brands,
    count(distinct p.model) as n_models,
    count(distinct p.model) filter (where p.nev_type = 'bev') as n_bev,
    count(distinct p.model) filter (where p.nev_type = 'phev') as n_phev,
    count(distinct p.model) filter (where p.nev_type = 'erev') as n_erev,
    count(distinct p.model) filter (where p.nev_type = 'fcev') as n_fcev,
    count(distinct p.model) filter (where p.swappable) as n_swappable,
    count(distinct p.model) filter (where p.vehicle_class = 'passenger') as n_passenger
from {{ ref('stg_miit__products') }} as p
inner join {{ ref('int_firms__links') }} as l on l.source_id = 'miit' and p.maker = l.source_record_id
group by l.firm_id, p.batch
