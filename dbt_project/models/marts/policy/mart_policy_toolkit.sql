-- One row per place with a known document, instrument and year of issue. Places below the nation; provinces and cities
-- side by side, told apart by their level.
with documents as (
    select
        d.policy_id,
        d.adcode,
        d.level,
        d.issued_year as year,
        d.derives_from,
        d.support,
        try_cast(rpad(d.issued_on, 10, '-01-01') as date) as issued_date
    from {{ ref('int_policies__documents') }} as d
    where d.adcode is not null and d.adcode <> '100000' and d.issued_year is not null
        and d.doc_type in ('norm', 'plan', 'agreement', 'other')
),

coded as (
    select
        policy_id,
        instrument,
        max(case when amount_role = 'total' and unit = 'CNY' then amount / 1e6 end) as amount_cny_m,
        bool_or(amount is not null) as amount_known,
        bool_or(direction = 'support') as supports,
        bool_or(direction in ('terminate', 'reduce')) as ends
    from {{ ref('int_policies__coded') }}
    group by policy_id, instrument
),

cells as (
    select
        d.adcode as city_adcode,
        c.instrument,
        d.year,
        any_value(d.level) as level,
        count(distinct d.policy_id)::integer as n_documents,
        (count(distinct d.policy_id) filter (where d.derives_from is null))::integer as n_own_initiative,
        (count(distinct d.policy_id) filter (where c.supports))::integer as n_support,
        (count(distinct d.policy_id) filter (where c.ends))::integer as n_reduce_or_end,
        sum(c.amount_cny_m) as amount_cny_m,
        count(*) filter (where c.amount_known) / count(*)::double as amount_known_share,
        count(*) filter (where d.support = 'recalled')::integer as n_recalled
    from documents as d
    inner join coded as c on d.policy_id = c.policy_id
    group by d.adcode, c.instrument, d.year
),

adoption as (
    select
        d.adcode as city_adcode,
        c.instrument,
        min(d.issued_date) as first_adopted_on
    from documents as d
    inner join coded as c on d.policy_id = c.policy_id
    where c.supports
    group by d.adcode, c.instrument
),

places as (
    select count(distinct adcode) as n_places from documents
),

tool_counts as (
    select
        d.adcode as city_adcode,
        i.seed_tool,
        count(distinct d.policy_id) as n
    from documents as d
    inner join coded as c on d.policy_id = c.policy_id
    inner join {{ ref('instruments') }} as i on c.instrument = i.instrument
    group by d.adcode, i.seed_tool
),

mix as (
    select
        city_adcode,
        -sum((n / total) * log2(n / total)) as mix_entropy_bits
    from (
        select
            city_adcode,
            n,
            sum(n) over (partition by city_adcode)::double as total
        from tool_counts
        where seed_tool not like '(%'
    )
    group by city_adcode
)

select
    x.city_adcode,
    x.instrument,
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
        where o.instrument = x.instrument and o.city_adcode <> x.city_adcode and o.first_adopted_on < a.first_adopted_on
    ) / nullif(p.n_places, 0)::double) as share_adopted_before,
    coalesce(v.covered, false) as covered,
    x.n_recalled,
    case
        when x.amount_cny_m is null then 'no programme total is stated in the documents known'
        when c.gdp_100m_cny is null then 'gdp_unknown'
    end as null_reason,
    {{ stamp() }}
from cells as x
inner join {{ ref('instruments') }} as i on x.instrument = i.instrument
left join adoption as a on x.city_adcode = a.city_adcode and x.instrument = a.instrument
left join mix as m on x.city_adcode = m.city_adcode
left join {{ ref('int_cities') }} as c on x.city_adcode = c.city_adcode
left join {{ ref('int_coverage') }} as v on x.city_adcode = v.place_adcode and v.source = 'policy_releases'
cross join places as p
cross join {{ ref('int_build') }} as b
