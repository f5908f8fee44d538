-- Where the size of plants comes from, nation and year: lineage to an ICE plant, firm or site; new in a city with an ICE past;
-- greenfield. By plants, by size (employment, where known) and by capacity. A plant with two edges counts once.
with edges as (
    select
        ev_plant_id,
        max(confidence) as confidence,
        -- the chance that at least one of the edges holds
        1 - {{ ordered_product('1 - confidence') }} as p_any
    from {{ ref('panel_lineage') }}
    group by ev_plant_id
),

known as (
    select count(employment) > 0 as has_employment
    from {{ ref('panel_plant_year') }}
),

plants as (
    select
        y.year,
        y.employment,
        y.capacity_k_units,
        e.confidence,
        coalesce(e.p_any, 0) as p_any,
        i.city_id is not null as in_ice_city
    from {{ ref('panel_plant_year') }} as y
    inner join {{ ref('panel_plants') }} as p on y.plant_id = p.plant_id
    left join edges as e on y.plant_id = e.ev_plant_id
    left join {{ ref('panel_ice_cities') }} as i on p.city_id = i.city_id
    where exists (select 1 from edges)
),

weighted as (
    select 'plants' as measure, year, 1.0 as weight, confidence, p_any, in_ice_city from plants
    union all
    select 'employment', year, employment, confidence, p_any, in_ice_city from plants cross join known where has_employment
    union all
    select 'capacity', year, capacity_k_units, confidence, p_any, in_ice_city from plants
)

select
    measure,
    year::integer as year,
    count(*)::integer as n_plants,
    (count(weight) / count(*)::double)::double as weight_known_share,
    (coalesce({{ ordered_sum('weight') }} filter (where confidence is not null), 0) / nullif({{ ordered_sum('weight') }}, 0))::double as share_lineage,
    (coalesce({{ ordered_sum('weight') }} filter (where {{ at_least('confidence', '0.7') }}), 0) / nullif({{ ordered_sum('weight') }}, 0))::double as share_lineage_sure,
    ({{ ordered_sum('weight * p_any') }} / nullif({{ ordered_sum('weight') }}, 0))::double as share_lineage_expected,
    (coalesce({{ ordered_sum('weight') }} filter (where confidence is null and in_ice_city), 0) / nullif({{ ordered_sum('weight') }}, 0))::double as share_new_in_ice_city,
    (coalesce({{ ordered_sum('weight') }} filter (where confidence is null and not in_ice_city), 0) / nullif({{ ordered_sum('weight') }}, 0))::double as share_greenfield,
    case when coalesce({{ ordered_sum('weight') }}, 0) = 0 then measure || ' of the plants unknown' end as null_reason
from weighted
group by measure, year
