-- One row per instrument and year from its first adoption on: how many of the places with known documents have adopted it.
with span as (
    select
        instrument_id,
        min(adopted_year) as first_year,
        count(*) as n_places
    from {{ ref('int_policies__adoption') }}
    group by instrument_id
    having min(adopted_year) is not null
),

years as (
    select
        s.instrument_id,
        s.n_places,
        unnest(generate_series(s.first_year, b.this_year))::integer as year
    from span as s
    cross join {{ ref('int_build') }} as b
),

adopters as (
    select
        instrument_id,
        adopted_year as year,
        count(*) as n_new
    from {{ ref('int_policies__adoption') }}
    where adopted_year is not null
    group by instrument_id, adopted_year
),

counted as (
    select
        y.instrument_id,
        y.year,
        y.n_places,
        coalesce(a.n_new, 0) as n_new,
        sum(coalesce(a.n_new, 0)) over (partition by y.instrument_id order by y.year) as n_adopters
    from years as y
    left join adopters as a on y.instrument_id = a.instrument_id and y.year = a.year
),

risk as (
    select
        *,
        n_places - n_adopters + n_new as n_at_risk
    from counted
),

-- Kaplan-Meier (1958) over years since the first adoption; every place is watched until the year of the data
curve as (
    select
        *,
        exp(sum({{ exact('case when n_new < n_at_risk then ln(1 - n_new / n_at_risk::double) else -700 end') }}) over w) as s,
        (sum({{ exact('n_new / nullif(n_at_risk * (n_at_risk - n_new), 0)::double') }}) over w)::double as v
    from risk
    window w as (partition by instrument_id order by year rows unbounded preceding)
),

covered as (
    select count(*) as n from {{ ref('int_coverage') }} where source_id = 'policy_releases' and covered and place_id <> '100000'
)

select
    c.instrument_id,
    c.year,
    c.n_new::integer as n_new,
    c.n_adopters::integer as n_adopters,
    c.n_at_risk::integer as n_at_risk,
    c.n_places::integer as n_places,
    v.n::integer as n_places_covered,
    (c.n_adopters / c.n_places::double) as share_adopted,
    (case when c.s < 1e-300 then 0 else c.s end)::double as km_not_adopted,
    (case when {{ at_least('c.s', '1') }} or c.s < 1e-300 then c.s else exp(-exp(ln(-ln(c.s)) - 1.959963984540054 * sqrt(c.v) / ln(c.s))) end)::double as km_lo,
    (case when {{ at_least('c.s', '1') }} or c.s < 1e-300 then c.s else exp(-exp(ln(-ln(c.s)) + 1.959963984540054 * sqrt(c.v) / ln(c.s))) end)::double as km_hi,
    f.ceiling::double as fit_ceiling,
    f.growth::double as fit_growth,
    f.midyear::double as fit_midyear,
    f.rmse::double as fit_rmse,
    (f.ceiling / (1 + exp(-f.growth * (c.year - f.midyear))))::double as fitted,
    f.null_reason,
    {{ stamp() }}
from curve as c
inner join {{ ref('int_policies__diffusion_fit') }} as f on c.instrument_id = f.instrument_id
cross join covered as v
cross join {{ ref('int_build') }} as b
