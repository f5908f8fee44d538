-- One row per place with a known document, instrument and year of issue. Places below the nation; provinces and cities
-- side by side, told apart by their level. A document counts once, however many sites show it; the sentences behind a
-- cell are the rows of policy_instrument of the counted documents of its place and year (docs/recipes.md).
with labels as (
    select * from {{ ref('int_policies__labels') }}
),

cells as (
    select
        city_id,
        instrument_id,
        year,
        max(level) as level,
        count(*)::integer as n_documents,
        (count(*) filter (where not is_reissue))::integer as n_own_initiative,
        (count(*) filter (where supports))::integer as n_support,
        (count(*) filter (where ends))::integer as n_reduce_or_end,
        {{ ordered_sum('amount_cny_m') }} as amount_cny_m,
        (count(*) filter (where amount_known)) / count(*)::double as amount_known_share,
        (count(*) filter (where support = 'unverified'))::integer as n_unverified,
        (count(*) filter (where names_a_sum))::integer as n_documents_naming_sum
    from labels
    group by city_id, instrument_id, year
),

adoption as (
    select
        city_id,
        instrument_id,
        min(issued_date) as first_adopted_on,
        arg_min(issued_precision, (issued_date, issued_precision)) as first_adopted_on_precision
    from labels
    where supports
    group by city_id, instrument_id
),

places as (
    select count(distinct city_id) as n_places from labels
),

tool_counts as (
    select
        l.city_id,
        i.seed_tool,
        count(distinct l.policy_id) as n
    from labels as l
    inner join {{ ref('instruments') }} as i on l.instrument_id = i.instrument_id
    where i.seed_tool not like '(%'
    group by l.city_id, i.seed_tool
),

mix as (
    select
        city_id,
        abs(-{{ ordered_sum('(n / total) * log2(n / total)') }}) as mix_entropy_bits
    from (
        select
            city_id,
            n,
            sum(n) over (partition by city_id)::double as total
        from tool_counts
    )
    group by city_id
)

select
    x.city_id,
    x.instrument_id,
    x.year::integer as year,
    x.level,
    i.family,
    i.seed_tool,
    x.n_documents,
    x.n_own_initiative,
    x.n_support,
    x.n_reduce_or_end,
    a.first_adopted_on,
    x.amount_cny_m::double as amount_cny_m,
    x.amount_known_share,
    case x.level when 'province' then 2 when 'city' then 1 else 0 end as authority,
    m.mix_entropy_bits::double as mix_entropy_bits,
    (x.amount_cny_m * 1e6 / nullif(c.gdp_100m_cny * 1e8 / 1000, 0))::double as intensity,
    (x.amount_cny_m / nullif(c.budget_revenue_100m_cny * 100, 0))::double as amount_to_budget_revenue,
    ((
        select count(*) from adoption as o
        where o.instrument_id = x.instrument_id and o.city_id <> x.city_id and o.first_adopted_on < a.first_adopted_on
    ) / nullif(p.n_places, 0)::double) as share_adopted_before,
    coalesce(v.covered, false) as covered,
    coalesce(v.pages, 0)::integer as n_pages_fetched,
    (x.n_documents - x.n_own_initiative)::integer as n_reissue,
    x.n_unverified,
    case
        when x.amount_cny_m is null then 'no statement names who paid and who was paid: what a government paid is unknown'
        when c.gdp_100m_cny is null then 'gdp_unknown'
    end as null_reason,
    {{ stamp() }},
    a.first_adopted_on_precision,
    x.n_documents_naming_sum
from cells as x
inner join {{ ref('instruments') }} as i on x.instrument_id = i.instrument_id
left join adoption as a on x.city_id = a.city_id and x.instrument_id = a.instrument_id
left join mix as m on x.city_id = m.city_id
left join {{ ref('int_cities') }} as c on x.city_id = c.city_id
left join {{ ref('int_coverage') }} as v on x.city_id = v.place_id and v.source_id = 'policy_releases'
cross join places as p
cross join {{ ref('int_build') }} as b
