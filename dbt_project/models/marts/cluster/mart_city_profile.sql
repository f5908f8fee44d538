-- One row per city with a plant, firm or output figure: its newest values side by side, for a reader with one question.
with newest as (
    select * from {{ ref('mart_cluster') }}
    where year = (select max(year) from {{ ref('mart_cluster') }})
),

battery as (
    select
        city_id,
        count(*)::integer as n_battery_plants,
        (count(*) filter (where is_unverified))::integer as n_battery_unverified
    from {{ ref('int_plants__yearly') }}
    where is_ev and segment_id = 'battery' and year = (select this_year from {{ ref('int_build') }})
    group by city_id
),

battery_groups as (
    select
        city_id,
        list(holder || ' ' || n order by n desc, holder) as battery_makers,
        -- the one with most plants; a tie has no anchor
        case when count(*) = 1 or list(n order by n desc)[1] > list(n order by n desc)[2] then list(holder order by n desc, holder)[1] end as battery_anchor
    from (
        select
            city_id,
            coalesce(group_name, group_id) as holder,
            count(*) as n
        from {{ ref('int_plants__yearly') }}
        where is_ev and segment_id = 'battery' and year = (select this_year from {{ ref('int_build') }})
        group by city_id, coalesce(group_name, group_id)
    )
    group by city_id
),

documents as (
    select
        policy_id,
        counted_place_id as city_id
    from {{ ref('int_policies__documents') }}
    where is_counted
),

statements as (
    select
        d.city_id,
        d.policy_id,
        c.instrument_id,
        c.amount,
        c.unit,
        c.amount_role,
        c.payer,
        c.payee,
        -- what the sum was read from: a reader sees whose it is
        arg_min(coalesce(c.sentence, c.coded_from), (c.evidence_start, coalesce(c.sentence, c.coded_from))) as named_in
    from documents as d
    inner join {{ ref('int_policies__coded') }} as c on d.policy_id = c.policy_id
    where c.direction = 'support'
    group by all
),

-- sums that documents name: listed one by one and never added up
money as (
    select
        city_id,
        count(distinct policy_id)::integer as n_documents_with_money,
        list(
            case when {{ at_least('amount', '1000') }} then format('{:,.0f}', amount) else format('{:g}', amount) end
            || ' ' || unit || ' (' || amount_role || ', ' || policy_id || ', beside ' || instrument_id || '): ' || coalesce(named_in, '')
            order by instrument_id, amount desc, unit, amount_role, payer, payee, named_in, policy_id
        ) as amounts
    from statements
    where amount is not null and unit like 'CNY%'
    group by city_id
),

-- what a government paid: payer and payee are in the statement; a sum that two instruments share counts once
paid as (
    select
        city_id,
        {{ ordered_sum('amount') }} / 1e6 as amount_cny_m
    from (
        select distinct city_id, policy_id, payer, payee, amount
        from statements
        where payer is not null and payee is not null and unit = 'CNY'
    )
    group by city_id
),

tools as (
    select
        d.city_id,
        count(distinct d.policy_id)::integer as n_documents,
        list(distinct s.instrument_id order by s.instrument_id) filter (where s.instrument_id is not null) as instruments
    from documents as d
    left join statements as s on d.policy_id = s.policy_id and d.city_id = s.city_id
    group by d.city_id
),

utilised as (
    select
        city_id,
        arg_max(utilisation, year) as utilisation,
        max(year) filter (where utilisation is not null) as utilisation_year,
        arg_max(utilisation_bound, year) as utilisation_bound
    from {{ ref('mart_involution') }}
    where utilisation is not null
    group by city_id
),

-- why there is none, in the year of the newest output figure: of the years after it only the figure is missing
not_utilised as (
    select
        i.city_id,
        i.null_reason
    from {{ ref('mart_involution') }} as i
    inner join newest as n on i.city_id = n.city_id and i.year = n.nev_output_newest_year
),

heritage as (
    select * from {{ ref('mart_heritage') }}
    where year = (select max(year) from {{ ref('mart_heritage') }})
)

select
    m.city_id,
    c.name_zh,
    c.name_en,
    c.province_en,
    c.name_en in ('Shenzhen', 'Shanghai', 'Xi''an', 'Hefei', 'Guangzhou', 'Chongqing', 'Changsha') as in_study_seven,
    m.year,
    m.n_firms,
    m.n_ev_plants,
    m.n_ev_vehicle_plants,
    coalesce(k.n_battery_plants, 0) as n_battery_plants,
    g.battery_anchor,
    coalesce(g.battery_makers, []) as battery_makers,
    m.capacity_vehicles,
    m.capacity_gwh,
    m.nev_output_newest,
    m.nev_output_newest_year,
    o.nev_output_basis as nev_output_newest_basis,
    m.typology,
    m.typology_margin,
    m.anchor_firm,
    m.cr1,
    coalesce(h.ice_plants_before_2009, 0) as ice_plants_before_2009,
    coalesce(h.ice_firms_before_2009, 0) as ice_firms_before_2009,
    case
        when h.ice_plants_before_2009 > 0 then 'plants'
        when h.ice_firms_before_2009 > 0 then 'firms only'
        when h.ice_firms_undated > 0 then 'firms of unknown age'
        else 'none known'
    end as ice_past,
    h.share_lineage_plants,
    h.share_greenfield,
    h.reading,
    h.literature_reading,
    case when h.reading is not null and h.literature_reading is not null then contains(h.literature_reading, h.reading) end as readings_agree,
    u.utilisation,
    u.utilisation_year,
    coalesce(t.n_documents, 0) as n_documents,
    coalesce(t.instruments, []) as instruments,
    coalesce(y.n_documents_with_money, 0) as n_documents_with_money,
    q.amount_cny_m::double as amount_cny_m,
    coalesce(y.amounts, []) as amounts,
    case
        when v.covered then 'covered by an adapter'
        when t.n_documents > 0 then 'hand-picked documents only'
        else 'not covered: silence says nothing about policy'
    end as policy_coverage,
    m.quality_flag,
    m.unverified_share,
    concat_ws(
        '; ',
        case when u.utilisation is null then 'utilisation: output or full capacity unknown' end,
        case when m.nev_output_newest is null then 'output: no figure of a whole year in the last four years' end,
        case when h.literature_reading is null then 'literature: no case about this city' end,
        case when q.amount_cny_m is null then 'amount_cny_m: no statement names who paid and who was paid' end
    ) as null_reason,
    {{ stamp() }},
    u.utilisation_bound,
    case when u.utilisation is null then coalesce(w.null_reason, case when m.n_ev_plants = 0 then 'no EV plant (born or converted) known here' else 'no output figure for the city and year' end) end as utilisation_null_reason
from newest as m
inner join {{ ref('int_cities') }} as c on m.city_id = c.city_id
left join {{ ref('int_city__output') }} as o on m.city_id = o.city_id and m.nev_output_newest_year = o.year
left join battery as k on m.city_id = k.city_id
left join battery_groups as g on m.city_id = g.city_id
left join heritage as h on m.city_id = h.city_id
left join utilised as u on m.city_id = u.city_id
left join not_utilised as w on m.city_id = w.city_id
left join tools as t on m.city_id = t.city_id
left join money as y on m.city_id = y.city_id
left join paid as q on m.city_id = q.city_id
left join (
    select place_id, bool_or(covered) as covered from {{ ref('int_coverage') }} group by place_id
) as v on m.city_id = v.place_id
cross join {{ ref('int_build') }} as b
