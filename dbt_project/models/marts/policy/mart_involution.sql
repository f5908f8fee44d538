-- One row per city and year with an EV-capable plant: the components of involution, each with what it is made of.
with plants as (
    select
        city_id,
        year,
        count(*)::integer as n_ev_plants,
        {{ ordered_sum('capacity') }} filter (where segment_id = 'oem' and capacity_unit = 'vehicles_per_year') as capacity_vehicles,
        (count(*) filter (where segment_id = 'oem' and capacity is null)) = 0 as capacity_complete,
        list(plant_id order by plant_id) filter (where segment_id = 'oem' and capacity is null) as plants_without_capacity
    from {{ ref('int_plants__yearly') }}
    where is_ev
    group by city_id, year
),

-- plants that build both: their EVs are in the output of the city, their room is not in the capacity
partly as (
    select
        city_id,
        year,
        count(*)::integer as n_partly_ev
    from {{ ref('int_plants__yearly') }}
    where ev_state_unknown
    group by city_id, year
),

flows as (
    select
        city_id,
        year,
        sum(entered) as entered,
        sum(closed) as closed,
        sum(closed_early) as closed_early
    from (
        select
            city_id,
            ev_from_year as year,
            1 as entered,
            0 as closed,
            0 as closed_early
        from {{ ref('int_plants__located') }}
        where ev_from_year is not null
        union all
        select
            city_id,
            closed_year as year,
            0 as entered,
            1 as closed,
            case when closed_year - opened_year <= 5 then 1 else 0 end as closed_early
        from {{ ref('int_plants__located') }}
        where closed_year is not null and (ev_from_year is not null or powertrain_at_opening in ('ev', 'both'))
    )
    group by city_id, year
),

similarity as (
    select
        city_id,
        year,
        {{ ordered_avg('similarity') }} as duplication
    from (
        select city_i as city_id, year, similarity from {{ ref('city_similarity') }}
        union all
        select city_j as city_id, year, similarity from {{ ref('city_similarity') }}
    )
    group by city_id, year
),

instruments_used as (
    select distinct
        city_id,
        instrument_id
    from {{ ref('int_policies__labels') }}
    where supports
),

toolbox as (
    select
        city_id,
        list(distinct instrument_id order by instrument_id) as tools
    from instruments_used
    group by city_id
),

jaccard as (
    select
        a.city_id,
        {{ ordered_avg('len(list_intersect(a.tools, o.tools)) / len(list_distinct(list_concat(a.tools, o.tools)))::double') }} as instrument_jaccard
    from toolbox as a
    inner join toolbox as o on a.city_id <> o.city_id
    group by a.city_id
),

measured as (
    select
        p.city_id,
        p.year,
        p.n_ev_plants,
        p.capacity_vehicles,
        p.capacity_complete,
        coalesce(p.plants_without_capacity, []) as plants_without_capacity,
        coalesce(x.n_partly_ev, 0) as n_partly_ev,
        o.nev_output,
        o.nev_output_basis,
        o.nev_output_part_year,
        coalesce(o.nev_output_is_lower_bound, false) as output_is_lower_bound,
        case
            when p.capacity_complete and p.capacity_vehicles > 0 and o.nev_output_basis <> 'legal_entity'
                then o.nev_output / p.capacity_vehicles
        end as utilisation_raw,
        s.duplication,
        j.instrument_jaccard,
        100.0 * (coalesce(f.entered, 0) + coalesce(f.closed, 0))
        / nullif((p.n_ev_plants + coalesce(lag(p.n_ev_plants) over (partition by p.city_id order by p.year), p.n_ev_plants)) / 2.0, 0) as churn,
        sum(coalesce(f.closed_early, 0)) over w / nullif(sum(coalesce(f.entered, 0)) over w, 0)::double as early_closure_share
    from plants as p
    left join {{ ref('int_city__output') }} as o on p.city_id = o.city_id and p.year = o.year
    left join partly as x on p.city_id = x.city_id and p.year = x.year
    left join flows as f on p.city_id = f.city_id and p.year = f.year
    left join similarity as s on p.city_id = s.city_id and p.year = s.year
    left join jaccard as j on p.city_id = j.city_id
    window w as (partition by p.city_id order by p.year rows unbounded preceding)
)

select
    m.city_id,
    m.year::integer as year,
    m.n_ev_plants,
    -- more than 1.2 times the nameplate is an error of one of the two figures, not a good year
    (case when {{ at_most('m.utilisation_raw', '1.2') }} then m.utilisation_raw end)::double as utilisation,
    (case when {{ at_most('m.utilisation_raw', '1.2') }} then m.capacity_vehicles - m.nev_output end)::double as excess_capacity,
    m.duplication::double as duplication,
    m.instrument_jaccard::double as instrument_jaccard,
    m.churn::double as churn,
    m.early_closure_share::double as early_closure_share,
    list_filter([
        case when m.utilisation_raw is null or {{ above('m.utilisation_raw', '1.2') }} then 'utilisation' end,
        case when m.duplication is null then 'duplication' end,
        case when m.instrument_jaccard is null then 'instrument_jaccard' end,
        case when m.early_closure_share is null then 'early_closure_share' end,
        'price_index'
    ], lambda x: x is not null) as components_missing,
    case
        when {{ above('m.utilisation_raw', '1.2') }} then 'output exceeds 1.2 times the known capacity: one of them is wrong'
        when m.nev_output is null and m.nev_output_part_year is not null then 'only an output figure of part of the year is known'
        when m.nev_output is null then 'no output figure for the city and year'
        when m.nev_output_basis = 'legal_entity' then 'output is counted at the legal entity, not where it was made'
        when not m.capacity_complete then 'the capacity of some vehicle plants is unknown'
        when m.utilisation_raw is null then 'no vehicle plant of known capacity'
    end as null_reason,
    {{ stamp() }},
    m.plants_without_capacity,
    m.n_partly_ev::integer as n_partly_ev,
    case
        when {{ above('m.utilisation_raw', '1.2') }} or m.utilisation_raw is null then null
        when m.n_partly_ev > 0 and m.output_is_lower_bound
            then 'neither: the page says "more than", and plants that also build combustion vehicles are in the output and not in the capacity'
        when m.output_is_lower_bound then 'lower bound: the page says "more than"'
        when m.n_partly_ev > 0 then 'upper bound: ' || m.n_partly_ev || ' plants that also build combustion vehicles are in the output and not in the capacity'
        else 'point'
    end as utilisation_bound
from measured as m
cross join {{ ref('int_build') }} as b
