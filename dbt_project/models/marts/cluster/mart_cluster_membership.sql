-- One row per EV-capable plant (or seat of a firm that has no listed plant in its city) and year: the density cluster where
-- coordinates below city level allow, else the cluster of its city.
with members as (
    select
        y.plant_id,
        'plant' as member_kind,
        y.year,
        y.city_id,
        p.geocode_level,
        p.district_support as location_support
    from {{ ref('int_plants__yearly') }} as y
    inner join {{ ref('int_plants__located') }} as p on y.plant_id = p.plant_id
    where y.is_ev
    union all
    select
        s.plant_id,
        'firm_site' as member_kind,
        y.year,
        s.city_id,
        'district' as geocode_level,
        s.support as location_support
    from {{ ref('int_panel__sites') }} as s
    inner join (select distinct year from {{ ref('plant_cluster') }}) as y
        on s.from_year <= y.year and s.to_year >= y.year
),

clusters as (
    select
        d.cluster_id,
        d.year,
        count(*)::integer as n_members,
        count(distinct m.city_id)::integer as n_cities,
        list(distinct c.name_en order by c.name_en) as cities
    from {{ ref('plant_cluster') }} as d
    inner join members as m on d.plant_id = m.plant_id and d.year = m.year
    inner join {{ ref('int_cities') }} as c on m.city_id = c.city_id
    where d.method = 'hdbscan_50km' and d.cluster_id is not null
    group by d.cluster_id, d.year
),

assigned as (
    select
        m.*,
        d.cluster_id as density_cluster,
        d.probability,
        d.distance_to_core_km,
        d.previous_cluster_id,
        d.overlap_jaccard,
        coalesce(d.cluster_id, 'city:' || m.city_id) as cluster_id
    from members as m
    left join {{ ref('plant_cluster') }} as d
        on m.plant_id = d.plant_id and m.year = d.year and d.method = 'hdbscan_50km'
),

-- years in a row that a member spends in the same cluster
spans as (
    select
        *,
        year - row_number() over (partition by plant_id, cluster_id order by year) as run
    from assigned
)

select
    a.plant_id,
    a.year::integer as year,
    a.cluster_id,
    case when a.density_cluster is not null then 'hdbscan_50km' else 'admin' end as method,
    case when a.density_cluster is not null then a.probability end as probability,
    a.city_id,
    a.geocode_level,
    case
        when a.density_cluster is not null then null
        when a.geocode_level not in ('plant', 'district') then 'no density cluster: the place of the plant is known to its city only'
        else 'no density cluster: it stands apart from the others, or they are too few in the year'
    end as null_reason,
    {{ stamp() }},
    a.member_kind,
    a.location_support,
    a.distance_to_core_km::double as distance_to_core_km,
    s.cluster_id as dbscan_cluster_id,
    case when a.density_cluster is not null then a.previous_cluster_id end as matched_prev_cluster_id,
    case when a.density_cluster is not null then a.overlap_jaccard end::double as overlap_jaccard,
    k.n_members as cluster_n_members,
    k.n_cities as cluster_n_cities,
    k.cities as cluster_cities,
    (min(a.year) over (partition by a.plant_id, a.cluster_id, a.run))::integer as from_year,
    (max(a.year) over (partition by a.plant_id, a.cluster_id, a.run))::integer as to_year
from spans as a
left join clusters as k on a.density_cluster = k.cluster_id and a.year = k.year
left join {{ ref('plant_cluster') }} as s on a.plant_id = s.plant_id and a.year = s.year and s.method = 'dbscan'
cross join {{ ref('int_build') }} as b
