-- Kaplan-Meier survival of plants that entered during the panel, right-censored after its last year; 95 % interval by
-- the exponential Greenwood formula (Kalbfleisch and Prentice 1980), as lifelines has it.
with bounds as (
    select
        min(year) as first_year,
        max(year) as last_year
    from {{ ref('panel_plant_year') }}
),

lives as (
    select
        case when p.exit_year is not null and p.exit_year <= b.last_year then p.exit_year else b.last_year + 1 end - p.entry_year as t,
        (p.exit_year is not null and p.exit_year <= b.last_year) as ended
    from {{ ref('panel_plants') }} as p
    cross join bounds as b
    where p.entry_year >= b.first_year and p.entry_year <= b.last_year
),

steps as (
    select
        t,
        count(*) filter (where ended) as d,
        sum(count(*)) over (order by t desc rows unbounded preceding) as at_risk
    from lives
    where t >= 0
    group by t
),

curve as (
    select
        t,
        exp(sum({{ exact('case when d < at_risk then ln(1 - d / at_risk::double) else -700 end') }}) over w) as s,
        (sum({{ exact('d / nullif(at_risk * (at_risk - d), 0)::double') }}) over w)::double as v
    from steps
    window w as (order by t rows unbounded preceding)
),

all_steps as (
    select 0 as t, 1.0 as s, 0.0 as v where (select count(*) from lives) > 0 and not exists (select 1 from curve where t = 0)
    union all
    select t, s, v from curve
)

select
    t::integer as t_years,
    case when s < 1e-300 then 0 else s end::double as survival,
    case when {{ at_least('s', '1') }} or s < 1e-300 then s else exp(-exp(ln(-ln(s)) - 1.959963984540054 * sqrt(v) / ln(s))) end::double as lo95,
    case when {{ at_least('s', '1') }} or s < 1e-300 then s else exp(-exp(ln(-ln(s)) + 1.959963984540054 * sqrt(v) / ln(s))) end::double as hi95
from all_steps
