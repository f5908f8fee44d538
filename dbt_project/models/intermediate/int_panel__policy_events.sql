-- Documents of cities with each instrument they use, dated by issue, as a panel has them. Amounts are totals in
-- million CNY; a rate per vehicle is no total and stays out.
select
    d.policy_id as document_id,
    d.adcode as city_id,
    c.instrument,
    try_cast(rpad(d.issued_on, 10, '-01-01') as date) as effective_date,
    max(case
        when c.amount_role = 'total' and c.unit = 'CNY' then c.amount / 1e6
    end) as amount_cny_m
from {{ ref('int_policies__documents') }} as d
inner join {{ ref('int_policies__coded') }} as c on d.policy_id = c.policy_id
where
    (d.level = 'city' or d.adcode in ('110000', '120000', '310000', '500000'))
    and d.adcode is not null
    and d.doc_type in ('norm', 'plan', 'agreement', 'other')
group by all
