-- Mix of instruments of a city over all years: Shannon entropy over documents by instrument, and amounts paid per GDP.
with counted as (
    select
        city_id,
        instrument,
        count(distinct document_id) as n
    from {{ ref('panel_policy_events') }}
    group by city_id, instrument
),

mix as (
    select
        city_id,
        count(*) as n_instruments,
        abs(-{{ ordered_sum('(n / total) * log2(n / total)') }}) as mix_entropy_bits
    from (
        select
            city_id,
            n,
            sum(n) over (partition by city_id)::double as total
        from counted
    )
    group by city_id
),

documents as (
    select
        city_id,
        count(distinct document_id) as n_documents,
        {{ ordered_sum('amount_cny_m') }} as amount_cny_m,
        count(amount_cny_m) / count(*)::double as amount_known_share
    from {{ ref('panel_policy_events') }}
    group by city_id
)

select
    c.city_id,
    coalesce(d.n_documents, 0)::integer as n_documents,
    coalesce(m.n_instruments, 0)::integer as n_instruments,
    m.mix_entropy_bits::double as mix_entropy_bits,
    d.amount_cny_m::double as amount_cny_m,
    d.amount_known_share::double as amount_known_share,
    (d.amount_cny_m * 1000 / nullif(c.gdp_cny_m, 0))::double as intensity_cny_per_1000_gdp,
    case
        when d.city_id is null then 'no document known'
        when d.amount_cny_m is null then 'no amount known'
        when coalesce(c.gdp_cny_m, 0) = 0 then 'gdp unknown'
    end as null_reason
from {{ ref('panel_cities') }} as c
left join documents as d on c.city_id = d.city_id
left join mix as m on c.city_id = m.city_id
{% if not var('panel') %}
where d.city_id is not null
{% endif %}
