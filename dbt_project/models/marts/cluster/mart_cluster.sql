-- One row per city and year.
with plants as (
    select
        city_id,
        year,
        count(*)::integer as n_plants,
        (count(*) filter (where is_ev))::integer as n_ev_plants,
        (count(*) filter (where is_ev and segment_id = 'oem'))::integer as n_ev_vehicle_plants,
        (count(*) filter (where is_ev and segment_id = 'battery'))::integer as n_battery_plants,
        (count(*) filter (where is_ev and segment_id not in ('oem', 'battery')))::integer as n_ev_other_plants,
        (count(*) filter (where is_ice and segment_id in ('oem', 'ice_powertrain')))::integer as n_ice_plants,
        (count(*) filter (where ev_state_unknown))::integer as n_ev_state_unknown,
        {{ ordered_sum('capacity') }} filter (where is_ev and segment_id = 'oem' and capacity_unit = 'vehicles_per_year') as capacity_vehicles,
        {{ ordered_sum('capacity') }} filter (where is_ev and segment_id = 'battery' and capacity_unit = 'gwh_per_year') as capacity_gwh,
        count(*) filter (where is_ev and segment_id = 'oem' and capacity is not null) as n_vehicle_capacity_known,
        count(*) filter (where is_ev and segment_id = 'battery' and capacity is not null) as n_cell_capacity_known,
        count(*) filter (where is_unverified) as n_unverified,
        count(*) filter (where undated) as n_undated
    from {{ ref('int_plants__yearly') }}
    group by city_id, year
),

firms as (
    select
        city_id,
        year,
        count(*)::integer as n_firms,
        (count(*) filter (where is_unverified))::integer as n_firms_unverified
    from {{ ref('int_firms__yearly') }}
    group by city_id, year
),

grain as (
    select city_id, year from plants
    union
    select city_id, year from firms
    union
    select city_id, year from {{ ref('int_city__output') }} where year >= 1990
),

base as (
    select
        g.city_id,
        g.year,
        coalesce(f.n_firms, 0) as n_firms,
        coalesce(f.n_firms_unverified, 0) as n_firms_unverified,
        coalesce(p.n_plants, 0) as n_plants,
        coalesce(p.n_ev_plants, 0) as n_ev_plants,
        coalesce(p.n_ev_vehicle_plants, 0) as n_ev_vehicle_plants,
        coalesce(p.n_battery_plants, 0) as n_battery_plants,
        coalesce(p.n_ev_other_plants, 0) as n_ev_other_plants,
        coalesce(p.n_ice_plants, 0) as n_ice_plants,
        coalesce(p.n_ev_state_unknown, 0) as n_ev_state_unknown,
        -- 0 is known to be none only where no such plant stands; plants of unknown capacity leave it unknown
        case when coalesce(p.n_ev_vehicle_plants, 0) = 0 then 0.0 else p.capacity_vehicles end as capacity_vehicles,
        case when coalesce(p.n_battery_plants, 0) = 0 then 0.0 else p.capacity_gwh end as capacity_gwh,
        coalesce(p.n_vehicle_capacity_known, 0) as n_vehicle_capacity_known,
        coalesce(p.n_cell_capacity_known, 0) as n_cell_capacity_known,
        coalesce(p.n_unverified, 0) as n_unverified,
        o.nev_output,
        o.nev_output_basis,
        o.nev_output_support,
        o.auto_output,
        o.nev_output_is_lower_bound,
        o.nev_output_part_year,
        o.nev_output_part_year_period,
        o.auto_output_part_year,
        o.auto_output_part_year_period,
        -- the newest figure known by that year, never older than four years: years without a figure still get a rank
        case when l.year >= g.year - 4 then l.nev_output end as nev_output_newest,
        case when l.year >= g.year - 4 then l.year end as nev_output_newest_year,
        case when l.year >= g.year - 4 then l.is_lower_bound end as nev_output_newest_is_lower_bound
    from grain as g
    left join plants as p on g.city_id = p.city_id and g.year = p.year
    left join firms as f on g.city_id = f.city_id and g.year = f.year
    left join {{ ref('int_city__output') }} as o on g.city_id = o.city_id and g.year = o.year
    asof left join (
        select city_id, year, nev_output, nev_output_is_lower_bound as is_lower_bound
        from {{ ref('int_city__output') }}
        where nev_output is not null
    ) as l on g.city_id = l.city_id and g.year >= l.year
),

national as (
    select
        year,
        sum(n_firms) as n_firms,
        sum(n_plants) as n_plants,
        sum(n_ev_plants) as n_ev_plants,
        sum(n_ice_plants) as n_ice_plants,
        {{ ordered_sum('capacity_vehicles') }} as capacity_vehicles,
        {{ ordered_sum('capacity_gwh') }} as capacity_gwh
    from base
    group by year
),

-- the benchmark by population needs the whole country, not only the cities that have plants
country as (
    select
        {{ ordered_sum('population_10k') }} as population_10k,
        {{ ordered_sum('gdp_100m_cny') }} as gdp_100m_cny
    from {{ ref('int_cities') }}
),

shared as (
    select
        b.*,
        c.population_10k,
        c.gdp_100m_cny,
        b.n_firms / nullif(n.n_firms, 0)::double as national_share_firms,
        b.n_ev_plants / nullif(n.n_ev_plants, 0)::double as national_share_plants,
        b.capacity_vehicles / nullif(n.capacity_vehicles, 0) as national_share_capacity_vehicles,
        b.capacity_gwh / nullif(n.capacity_gwh, 0) as national_share_capacity_gwh,
        b.nev_output / nullif(o.nev_output, 0)::double as national_share_nev_output,
        n.n_ev_plants as nation_ev_plants,
        n.n_ice_plants as nation_ice_plants,
        n.n_plants as nation_plants,
        c.population_10k / nullif(k.population_10k, 0) as population_share,
        c.gdp_100m_cny / nullif(k.gdp_100m_cny, 0) as gdp_share
    from base as b
    inner join {{ ref('int_cities') }} as c on b.city_id = c.city_id
    inner join national as n on b.year = n.year
    left join {{ ref('int_nation__output') }} as o on b.year = o.year
    cross join country as k
),

located as (
    select
        s.*,
        -- EV plants against the vehicle, engine and cell plants of every kind: who is further along than its whole sector
        (s.n_ev_plants / nullif(s.nation_ev_plants, 0)::double)
        / nullif(s.n_plants / nullif(s.nation_plants, 0)::double, 0) as lq_plants,
        s.national_share_plants / nullif(s.population_share, 0) as lq_population,
        s.national_share_plants / nullif(s.gdp_share, 0) as lq_gdp,
        {{ wilson_lo('s.n_ev_plants', 's.nation_ev_plants') }}
        / nullif(s.n_plants / nullif(s.nation_plants, 0)::double, 0) as lq_lo,
        {{ wilson_hi('s.n_ev_plants', 's.nation_ev_plants') }}
        / nullif(s.n_plants / nullif(s.nation_plants, 0)::double, 0) as lq_hi,
        case when s.n_plants > 0 then {{ binomial_tail('s.n_ev_plants', 's.n_plants', '(s.nation_ev_plants / nullif(s.nation_plants, 0)::double)') }} end as p_binomial
    from shared as s
),

-- Benjamini-Hochberg (1995): q = min over larger p of p * m / rank, within a year
ranked as (
    select
        city_id,
        year,
        p_binomial * count(p_binomial) over (partition by year)
        / row_number() over (partition by year order by p_binomial, city_id) as q_raw,
        row_number() over (partition by year order by p_binomial, city_id) as p_rank
    from located
    where p_binomial is not null
),

adjusted as (
    select
        city_id,
        year,
        least(1.0, min(q_raw) over (
            partition by year order by p_rank rows between current row and unbounded following
        )) as q_bh
    from ranked
),

-- what the cluster is made of: its EV-capable plants, and its firms split over their segments, pooled by family
units as (
    select
        city_id,
        year,
        family,
        1::decimal(18, 15) as weight
    from {{ ref('int_plants__yearly') }}
    where is_ev and family is not null
    union all
    select
        y.city_id,
        y.year,
        g.family,
        s.share as weight
    from {{ ref('int_firms__yearly') }} as y
    inner join {{ ref('int_firms__segmented') }} as s on y.firm_id = s.firm_id
    inner join {{ ref('segments') }} as g on s.segment_id = g.segment_id
    where s.segment_id <> 'ice_powertrain'
),

family_share as (
    select
        city_id,
        year,
        family,
        sum(weight) / sum(sum(weight)) over (partition by city_id, year) as share,
        sum(sum(weight)) over (partition by city_id, year) as n_units
    from units
    group by city_id, year, family
),

families as (
    select
        city_id,
        year,
        max(share) as top_share,
        arg_max(family, (share, family)) as top_family,
        count(*) filter (where {{ at_least('share', '0.10') }}) as n_strong,
        -{{ ordered_sum('share * log2(share)') }} as family_entropy,
        max(n_units) as n_units
    from family_share
    group by city_id, year
),

usual as (
    select
        year,
        median(family_entropy) as median_entropy
    from families
    where n_units >= 5
    group by year
),

anchors as (
    select
        city_id,
        year,
        group_name,
        count(*) as n_plants,
        count(*) filter (where segment_id = 'oem') as n_vehicle,
        count(*) filter (where segment_id = 'battery') as n_battery,
        {{ ordered_sum('capacity') }} filter (where segment_id = 'oem') as vehicles,
        {{ ordered_sum('capacity') }} filter (where segment_id = 'battery') as gwh,
        bool_and(segment_id <> 'oem' or capacity is not null) as vehicles_known,
        bool_and(segment_id <> 'battery' or capacity is not null) as gwh_known
    from {{ ref('int_plants__yearly') }}
    where is_ev
    group by city_id, year, group_name
),

-- the first by plants; by capacity within one unit where all are known; a tie has no anchor
placed as (
    select
        *,
        rank() over (partition by city_id, year order by n_plants desc) as place,
        rank() over (partition by city_id, year order by n_plants desc, {{ rankable('vehicles') }} desc nulls last) as size_place,
        case when n_vehicle > 0 then rank() over (
            partition by city_id, year, n_vehicle > 0 order by {{ rankable('case when all_vehicles_known then vehicles else n_vehicle end') }} desc
        ) end as vehicle_place,
        case when n_battery > 0 then rank() over (
            partition by city_id, year, n_battery > 0 order by {{ rankable('case when all_gwh_known then gwh else n_battery end') }} desc
        ) end as battery_place
    from (
        select
            *,
            bool_and(vehicles_known) over (partition by city_id, year) as all_vehicles_known,
            bool_and(gwh_known) over (partition by city_id, year) as all_gwh_known
        from anchors
    )
),

anchor_firm as (
    select
        city_id,
        year,
        case
            when count(*) filter (where place = 1) = 1 then min(group_name) filter (where place = 1)
            -- all tied makers build vehicles alone, of known capacity: the largest of them, unless two are the largest
            when
                bool_and(n_vehicle = n_plants and vehicles is not null) filter (where place = 1)
                and count(*) filter (where size_place = 1) = 1
                then min(group_name) filter (where size_place = 1)
        end as anchor_firm,
        case when count(*) filter (where vehicle_place = 1) = 1 then min(group_name) filter (where vehicle_place = 1) end as anchor_vehicle,
        case when count(*) filter (where battery_place = 1) = 1 then min(group_name) filter (where battery_place = 1) end as anchor_battery,
        list(group_name order by n_plants desc, vehicles desc nulls last, group_name)[1:5] as main_firms
    from placed
    group by city_id, year
),

structured as (
    select
        l.*,
        a.q_bh,
        f.top_share,
        f.top_family,
        f.n_strong,
        f.n_units,
        f.family_entropy,
        u.median_entropy,
        h.anchor_firm,
        h.anchor_vehicle,
        h.anchor_battery,
        h.main_firms,
        m.firm_hhi as hhi_group,
        m.cr1,
        m.lq_without_anchor,
        lag(l.n_ev_plants, 3) over (partition by l.city_id order by l.year) as n_ev_3y_ago,
        lag(l.year, 3) over (partition by l.city_id order by l.year) as year_3y_ago,
        lag(l.national_share_plants, 3) over (partition by l.city_id order by l.year) as share_3y_ago,
        lag(l.nation_ev_plants, 3) over (partition by l.city_id order by l.year) as nation_3y_ago,
        lag(l.lq_plants, 3) over (partition by l.city_id order by l.year) as lq_3y_ago,
        max(l.n_ev_plants) over (partition by l.city_id order by l.year rows unbounded preceding) as peak_ev
    from located as l
    left join adjusted as a on l.city_id = a.city_id and l.year = a.year
    left join families as f on l.city_id = f.city_id and l.year = f.year
    left join usual as u on l.year = u.year
    left join anchor_firm as h on l.city_id = h.city_id and l.year = h.year
    left join {{ ref('anchor') }} as m on l.city_id = m.city_id and l.year = m.year
)

select
    s.city_id,
    s.year::integer as year,
    s.n_firms::integer as n_firms,
    s.n_plants::integer as n_plants,
    s.n_ev_plants::integer as n_ev_plants,
    s.n_ev_vehicle_plants::integer as n_ev_vehicle_plants,
    s.n_battery_plants::integer as n_battery_plants,
    s.n_ice_plants::integer as n_ice_plants,
    s.n_ev_state_unknown::integer as n_ev_state_unknown,
    s.capacity_vehicles::double as capacity_vehicles,
    case when s.n_ev_vehicle_plants > 0 then s.n_vehicle_capacity_known / s.n_ev_vehicle_plants::double end as capacity_vehicles_known_share,
    s.capacity_gwh::double as capacity_gwh,
    case when s.n_battery_plants > 0 then s.n_cell_capacity_known / s.n_battery_plants::double end as capacity_gwh_known_share,
    s.nev_output::double as nev_output,
    s.nev_output_basis,
    s.nev_output_support,
    s.auto_output::double as auto_output,
    s.nev_output_newest::double as nev_output_newest,
    s.nev_output_newest_year::integer as nev_output_newest_year,
    s.national_share_firms::double as national_share_firms,
    s.national_share_plants::double as national_share_plants,
    s.national_share_capacity_vehicles::double as national_share_capacity_vehicles,
    s.national_share_capacity_gwh::double as national_share_capacity_gwh,
    s.national_share_nev_output::double as national_share_nev_output,
    case when s.n_firms > 0 then rank() over (partition by s.year order by s.n_firms desc) end::integer as rank_firms,
    case when s.n_ev_plants > 0 then rank() over (partition by s.year order by s.n_ev_plants desc) end::integer as rank_plants,
    case when s.capacity_vehicles > 0 then rank() over (partition by s.year order by {{ rankable('s.capacity_vehicles') }} desc nulls last) end::integer as rank_capacity_vehicles,
    case when s.capacity_gwh > 0 then rank() over (partition by s.year order by {{ rankable('s.capacity_gwh') }} desc nulls last) end::integer as rank_capacity_gwh,
    case when s.nev_output is not null then rank() over (partition by s.year order by {{ rankable('s.nev_output') }} desc nulls last) end::integer as rank_nev_output,
    case when s.nev_output_newest is not null then rank() over (partition by s.year order by {{ rankable('s.nev_output_newest') }} desc nulls last) end::integer as rank_nev_output_newest,
    s.lq_plants::double as lq_plants,
    s.lq_lo::double as lq_lo,
    s.lq_hi::double as lq_hi,
    s.p_binomial::double as p_binomial,
    s.q_bh::double as q_bh,
    s.lq_population::double as lq_population,
    s.lq_gdp::double as lq_gdp,
    s.hhi_group::double as hhi_group,
    s.cr1::double as cr1,
    s.anchor_firm,
    s.lq_without_anchor::double as lq_without_anchor,
    case
        when s.year_3y_ago = s.year - 3 and s.n_ev_3y_ago > 0
            then 100 * (power(s.n_ev_plants / s.n_ev_3y_ago::double, 1 / 3.0) - 1)
    end as growth_3y,
    case
        -- one plant more or less decides nothing among fewer than five
        when s.n_ev_plants < 5 and s.peak_ev < 5 then null
        when s.year_3y_ago is null or s.n_ev_3y_ago = 0 then 'emerging'
        when s.n_ev_plants < s.peak_ev then 'decline'
        when 4 * s.n_ev_plants >= 5 * s.n_ev_3y_ago then 'growth'
        else 'maintenance'
    end as life_cycle_stage,
    -- ordered rules (docs/methods.md): too small to have a structure; one family rules; three families and mixed more than usual
    case
        when coalesce(s.n_units, 0) = 0 then null
        when s.n_units < 5 then 'nascent'
        when {{ at_least('s.top_share', '0.6') }} and s.top_family = 'assembly' then 'assembly-led'
        when {{ at_least('s.top_share', '0.6') }} then 'specialised-' || s.top_family
        when s.n_strong >= 3 and {{ at_least('s.family_entropy', 's.median_entropy') }} then 'integrated'
        else 'mixed'
    end as typology,
    case
        when coalesce(s.n_units, 0) = 0 then null
        when s.n_units < 5 then (5 - s.n_units) / 5.0
        when {{ at_least('s.top_share', '0.6') }} then greatest(0.0, s.top_share - 0.6)
        when s.n_strong >= 3 and {{ at_least('s.family_entropy', 's.median_entropy') }}
            then greatest(0.0, least(0.6 - s.top_share, s.family_entropy - s.median_entropy))
        else 0.6 - s.top_share
    end::double as typology_margin,
    s.family_entropy::double as family_entropy_bits,
    s.main_firms,
    case
        when s.n_plants + s.n_firms = 0 then 'output_only'
        when 2 * (s.n_unverified + s.n_firms_unverified) > s.n_plants + s.n_firms then 'mostly_unverified'
        when s.n_unverified + s.n_firms_unverified > 0 then 'partly_unverified'
        else 'sourced'
    end as quality_flag,
    (s.n_unverified + s.n_firms_unverified) / nullif(s.n_plants + s.n_firms, 0)::double as unverified_share,
    case
        when s.n_plants = 0 then 'no_plant_known_here'
        when s.lq_plants is null then 'no_ev_plant_in_the_nation_that_year'
        when s.n_ev_plants = 0 then 'no_ev_plant_of_the_city_that_year'
    end as null_reason,
    {{ stamp() }},
    s.nev_output_newest_is_lower_bound,
    s.anchor_vehicle,
    s.anchor_battery,
    (case when s.year_3y_ago = s.year - 3 then s.national_share_plants - s.share_3y_ago end)::double as national_share_change_3y,
    (case
        when s.year_3y_ago = s.year - 3 and s.n_ev_3y_ago > 0
            then 100 * (power(s.n_ev_plants / s.n_ev_3y_ago::double, 1 / 3.0) - power(s.nation_ev_plants / s.nation_3y_ago::double, 1 / 3.0))
    end)::double as growth_vs_nation_3y,
    ((s.lq_plants - 1) / (s.lq_plants + 1))::double as lq_symmetric,
    (case
        when s.year_3y_ago = s.year - 3 then (s.lq_plants - 1) / (s.lq_plants + 1) - (s.lq_3y_ago - 1) / (s.lq_3y_ago + 1)
    end)::double as lq_symmetric_change_3y,
    s.n_ev_other_plants::integer as n_ev_other_plants,
    case
        when s.nev_output is null and s.nev_output_part_year is not null
            then 'only a figure of part of the year is known (' || s.nev_output_part_year_period || ')'
        when s.nev_output is null then 'no figure of the year in any source'
    end as nev_output_null_reason,
    s.nev_output_part_year::double as nev_output_part_year,
    s.nev_output_part_year_period,
    s.auto_output_part_year::double as auto_output_part_year,
    s.auto_output_part_year_period,
    s.nev_output_is_lower_bound
from structured as s
cross join {{ ref('int_build') }} as b
