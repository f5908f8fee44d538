-- One row per EV-capable plant and year: the cluster of its city, and the density cluster where its coordinates allow.
select
    y.plant_id,
    y.year::integer as year,
    coalesce(d.cluster_id, 'city:' || y.city_adcode) as cluster_id,
    case when d.cluster_id is not null then d.method else 'admin' end as method,
    case when d.cluster_id is not null then d.probability end as probability,
    y.city_adcode,
    p.geocode_level,
    case when d.cluster_id is null then 'no density cluster: coordinates of the plant unknown, or it stands alone' end as null_reason,
    {{ stamp() }}
from {{ ref('int_plants__yearly') }} as y
inner join {{ ref('int_plants__located') }} as p on y.plant_id = p.plant_id
left join {{ ref('plant_cluster') }} as d
    on y.plant_id = d.plant_id and y.year = d.year and d.method = 'hdbscan'
cross join {{ ref('int_build') }} as b
where y.is_ev
