-- One row per counted document and instrument: what the marts count. Its rows of policy_instrument are its evidence.
select
    d.policy_id,
    c.instrument_id,
    d.counted_place_id as city_id,
    d.year,
    case when d.level = 'province' then 'province' else 'city' end as level,
    d.is_reissue,
    d.support,
    {{ first_day('coalesce(d.issued_on, d.published_on)') }} as issued_date,
    case when d.issued_on is null then 'day' else d.issued_precision end as issued_precision,
    -- what a government paid: a sum whose statement names payer and payee; every other sum is only named in the document
    max(case when c.payer is not null and c.payee is not null and c.unit = 'CNY' then c.amount / 1e6 end) as amount_cny_m,
    coalesce(bool_or(c.payer is not null and c.payee is not null and c.unit = 'CNY' and c.amount is not null), false) as amount_known,
    coalesce(bool_or(c.amount is not null and c.unit like 'CNY%'), false) as names_a_sum,
    bool_or(c.direction = 'support') as supports,
    bool_or(c.direction in ('terminate', 'reduce')) as ends
from {{ ref('int_policies__documents') }} as d
inner join {{ ref('int_policies__coded') }} as c on d.policy_id = c.policy_id
where d.is_counted
group by all
