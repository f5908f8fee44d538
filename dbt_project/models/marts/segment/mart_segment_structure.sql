-- One row per city, segment and year in which a firm or plant of the segment is known there.
with cells as (
    select * from {{ ref('int_city__segments') }}
),

totals as (
    select
        city_id,
        year,
        sum(n_plants) as city_plants,
        sum(firm_weight) as city_firms
    from cells
    group by city_id, year
),

nation_segment as (
    select
        segment_id,
        year,
        sum(firm_weight) as segment_firms
    from cells
    group by segment_id, year
),

nation as (
    select
        year,
        sum(firm_weight) as nation_firms
    from cells
    group by year
)

select
    c.city_id,
    c.segment_id,
    c.year::integer as year,
    g.family,
    c.n_firms::integer as n_firms,
    c.n_plants::integer as n_plants,
    case
        when c.segment_id = 'oem' then c.capacity_vehicles
        when c.segment_id = 'battery' then c.capacity_gwh
    end::double as capacity,
    case when c.segment_id = 'oem' then 'vehicles_per_year' when c.segment_id = 'battery' then 'gwh_per_year' end as capacity_unit,
    case when c.n_plants > 0 then c.n_capacity_known / c.n_plants::double end as capacity_known_share,
    case
        when t.city_plants > 0 then c.n_plants / t.city_plants::double
    end as share,
    c.firm_weight / nullif(t.city_firms, 0) as share_firms,
    ((c.firm_weight / nullif(t.city_firms, 0)) / nullif(s.segment_firms / nullif(n.nation_firms, 0), 0))::double as lq_firms,
    q.lq_plants::double as lq_plants,
    q.lq_lo::double as lq_lo,
    q.lq_hi::double as lq_hi,
    q.q_bh::double as q_bh,
    d.density::double as density,
    c.n_unverified::integer as n_unverified,
    case
        when q.lq_plants is null and c.n_plants = 0 then coalesce(q.null_reason, 'no_ev_plant_of_the_city_that_year')
        when q.lq_plants is null then coalesce(q.null_reason, 'not_computed')
    end as null_reason,
    {{ stamp() }},
    o.lq_boot_lo::double as lq_boot_lo,
    o.lq_boot_hi::double as lq_boot_hi,
    o.cutoff_95::double as lq_cutoff_95,
    o.above_cutoff as lq_above_cutoff
from cells as c
inner join {{ ref('segments') }} as g on c.segment_id = g.segment_id
inner join totals as t on c.city_id = t.city_id and c.year = t.year
inner join nation_segment as s on c.segment_id = s.segment_id and c.year = s.year
inner join nation as n on c.year = n.year
left join {{ ref('location_quotient') }} as q
    on c.city_id = q.city_id and c.segment_id = q.segment_id and c.year = q.year
left join {{ ref('relatedness_density') }} as d
    on c.city_id = d.city_id and c.segment_id = d.segment_id and c.year = d.year
left join {{ ref('lq_bootstrap') }} as o
    on c.city_id = o.city_id and c.segment_id = o.segment_id and c.year = o.year
cross join {{ ref('int_build') }} as b
