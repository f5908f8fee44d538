-- Every indicator, long: one row per indicator, place, period and the vintage from which its value has held. A vintage
-- writes a row only where a value is new or has moved; `known_to` closes the row it replaces.
with city_year as (
    select
        city_id,
        cast(year as varchar) as period,
        quality_flag,
        n_plants + n_firms as n_obs,
        n_firms::double as firms_count,
        n_ev_plants::double as ev_plants_count,
        n_ice_plants::double as ice_plants_count,
        capacity_vehicles as ev_capacity_vehicles,
        capacity_gwh as cell_capacity_gwh,
        nev_output,
        national_share_plants as ev_plants_national_share,
        national_share_nev_output as nev_output_national_share,
        lq_plants as lq_ev_plants,
        lq_lo,
        lq_hi,
        {{ wilson_lo('n_ev_plants', '(n_ev_plants / nullif(national_share_plants, 0))') }} as share_lo,
        {{ wilson_hi('n_ev_plants', '(n_ev_plants / nullif(national_share_plants, 0))') }} as share_hi,
        hhi_group as group_hhi,
        cr1 as group_cr1,
        growth_3y as ev_plants_growth_3y,
        nev_output_null_reason,
        coalesce(nev_output_is_lower_bound, false) as output_is_lower_bound
    from {{ ref('mart_cluster') }}
),

cluster_long as (
    select
        city_id as geography_id,
        period,
        quality_flag,
        n_obs,
        lq_lo,
        lq_hi,
        share_lo,
        share_hi,
        nev_output_null_reason,
        output_is_lower_bound,
        indicator_id,
        value
    from city_year
    unpivot include nulls (
        value for indicator_id in (
            firms_count, ev_plants_count, ice_plants_count, ev_capacity_vehicles, cell_capacity_gwh, nev_output,
            ev_plants_national_share, nev_output_national_share, lq_ev_plants, group_hhi, group_cr1, ev_plants_growth_3y
        )
    )
),

structure_long as (
    select
        city_id as geography_id,
        cast(year as varchar) as period,
        indicator_id,
        value
    from (
        select
            city_id,
            year,
            entropy_bits as segment_entropy,
            unrelated_variety,
            related_variety,
            krugman as krugman_specialisation
        from {{ ref('city_structure') }}
    )
    unpivot include nulls (
        value for indicator_id in (segment_entropy, unrelated_variety, related_variety, krugman_specialisation)
    )
),

heritage_long as (
    select
        city_id as geography_id,
        cast(year as varchar) as period,
        unverified_share,
        n_ev_plants as n_obs,
        indicator_id,
        value
    from {{ ref('mart_heritage') }}
    unpivot include nulls (
        value for indicator_id in (share_lineage_plants, share_lineage_capacity, share_new_in_ice_city, share_greenfield)
    )
),

involution_long as (
    select
        city_id as geography_id,
        cast(year as varchar) as period,
        n_ev_plants as n_obs,
        null_reason,
        indicator_id,
        value
    from {{ ref('mart_involution') }}
    unpivot include nulls (
        value for indicator_id in (utilisation, duplication, early_closure_share)
    )
),

segments_long as (
    select
        segment_id as geography_id,
        cast(year as varchar) as period,
        n_plants as n_obs,
        indicator_id,
        value
    from {{ ref('segment_concentration') }}
    unpivot include nulls (
        value for indicator_id in (eg_gamma, locational_gini)
    )
),

now_known as (
    select
        indicator_id,
        'city' as geography_level,
        geography_id,
        period,
        value,
        case
            when indicator_id = 'lq_ev_plants' then lq_lo
            when indicator_id = 'ev_plants_national_share' then share_lo
            -- a page says "over": what is known is the lower end
            when indicator_id in ('nev_output', 'nev_output_national_share') and output_is_lower_bound then value
        end as lo,
        case indicator_id when 'lq_ev_plants' then lq_hi when 'ev_plants_national_share' then share_hi end as hi,
        n_obs,
        quality_flag,
        case
            when value is not null then null
            when indicator_id in ('nev_output', 'nev_output_national_share') then coalesce(nev_output_null_reason, 'the output of the nation is not known for this year')
            else 'not known or not defined: the known shares beside it in mart_cluster say of how much'
        end as null_reason
    from cluster_long
    union all
    select
        l.indicator_id, 'city', l.geography_id, l.period, l.value, null, null, c.n_ev_plants, coalesce(c.quality_flag, 'derived'),
        case when l.value is null then 'no EV plant (born or converted) in the city that year' end
    from structure_long as l
    left join {{ ref('mart_cluster') }} as c on l.geography_id = c.city_id and l.period = cast(c.year as varchar)
    union all
    select
        indicator_id, 'city', geography_id, period, value,
        case when indicator_id <> 'share_lineage_capacity' and value is not null then {{ wilson_lo('value * n_obs', 'n_obs') }} end,
        case when indicator_id <> 'share_lineage_capacity' and value is not null then {{ wilson_hi('value * n_obs', 'n_obs') }} end,
        n_obs,
        case when {{ above('unverified_share', '0.5') }} then 'mostly_unverified' when unverified_share > 0 then 'partly_unverified' else 'sourced' end,
        case when value is null then 'no EV plant (born or converted), or its capacity unknown' end
    from heritage_long
    union all
    select
        l.indicator_id, 'city', l.geography_id, l.period, l.value,
        null, null,
        l.n_obs, coalesce(c.quality_flag, 'derived'),
        case when l.value is null then coalesce(l.null_reason, 'component missing') end
    from involution_long as l
    left join {{ ref('mart_cluster') }} as c on l.geography_id = c.city_id and l.period = cast(c.year as varchar)
    union all
    select
        indicator_id, 'segment', geography_id, period, value, null, null, n_obs, 'derived',
        case when value is null then 'fewer than two plants or a single city' end
    from segments_long
    union all
    select
        'heritage_readings_agreement', 'nation', '100000', cast(year as varchar),
        avg(readings_agree::integer),
        {{ wilson_lo('avg(readings_agree::integer) * count(readings_agree)', 'count(readings_agree)') }},
        {{ wilson_hi('avg(readings_agree::integer) * count(readings_agree)', 'count(readings_agree)') }},
        count(readings_agree), 'derived', null
    from {{ ref('mart_heritage') }}
    where year = (select max(year) from {{ ref('mart_heritage') }})
    group by year
    having count(readings_agree) > 0
),

latest_before as (
    select *
    from {{ source('_meta', 'indicator_history') }}
    where known_to is null
),

fresh as (
    select
        n.*,
        h.vintage_id as old_vintage
    from now_known as n
    left join latest_before as h
        on
            n.indicator_id = h.indicator_id
            and n.geography_level = h.geography_level
            and n.geography_id = h.geography_id
            and n.period = h.period
    where
        h.vintage_id is null
        or {{ moved('n.value', 'h.value') }}
        or {{ moved('n.lo', 'h.lo') }}
        or {{ moved('n.hi', 'h.hi') }}
        or n.n_obs::bigint is distinct from h.n_obs
        or n.quality_flag is distinct from h.quality_flag
        or n.null_reason is distinct from h.null_reason
        or h.method_version is distinct from (select method_version from {{ ref('int_build') }})
),

kept as (
    select
        h.indicator_id,
        h.geography_level,
        h.geography_id,
        h.period,
        h.vintage_id,
        h.value,
        h.lo,
        h.hi,
        h.unit,
        h.n_obs,
        h.quality_flag,
        h.null_reason,
        h.method_version,
        h.known_from,
        coalesce(
            h.known_to,
            case
                when f.indicator_id is not null or n.indicator_id is null then b.known_on
            end
        ) as known_to
    from {{ source('_meta', 'indicator_history') }} as h
    left join fresh as f
        on
            h.indicator_id = f.indicator_id
            and h.geography_level = f.geography_level
            and h.geography_id = f.geography_id
            and h.period = f.period
    left join now_known as n
        on
            h.indicator_id = n.indicator_id
            and h.geography_level = n.geography_level
            and h.geography_id = n.geography_id
            and h.period = n.period
    cross join {{ ref('int_build') }} as b
)

select
    k.indicator_id,
    k.geography_level,
    k.geography_id,
    k.period,
    k.vintage_id,
    k.value::double as value,
    k.lo::double as lo,
    k.hi::double as hi,
    k.unit,
    k.n_obs::bigint as n_obs,
    k.quality_flag,
    k.null_reason,
    k.method_version,
    k.known_from,
    k.known_to,
    b.as_of,
    case
        when k.lo is not null and k.hi is null then 'a lower bound: the page says "over" or the like'
        when k.value is not null and k.lo is null then coalesce(
            nullif(u.no_interval, ''),
            case when k.method_version = b.method_version then 'too few observations for one' else 'the method of that vintage gave none' end
        )
    end as interval_reason
from kept as k
left join {{ ref('indicators') }} as u on k.indicator_id = u.indicator_id
cross join {{ ref('int_build') }} as b
union all
select
    f.indicator_id,
    f.geography_level,
    f.geography_id,
    f.period,
    b.vintage_id,
    f.value::double as value,
    f.lo::double as lo,
    f.hi::double as hi,
    u.unit,
    f.n_obs::bigint as n_obs,
    f.quality_flag,
    f.null_reason,
    b.method_version,
    b.known_on as known_from,
    cast(null as varchar) as known_to,
    b.as_of,
    case
        when f.lo is not null and f.hi is null then 'a lower bound: the page says "over" or the like'
        when f.value is not null and f.lo is null then coalesce(nullif(u.no_interval, ''), 'too few observations for one')
    end as interval_reason
from fresh as f
left join {{ ref('indicators') }} as u on f.indicator_id = u.indicator_id
cross join {{ ref('int_build') }} as b
