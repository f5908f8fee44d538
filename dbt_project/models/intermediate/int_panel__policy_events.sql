-- Documents of cities with each instrument they use, dated by the day they take effect (else of issue), as a panel has
-- them. Amounts are what a government paid, stated with payer and payee, in million CNY; a sum merely named stays out.
select
    l.policy_id as document_id,
    l.city_id,
    l.instrument_id as instrument,
    d.in_force_from as effective_date,
    l.amount_cny_m
from {{ ref('int_policies__labels') }} as l
inner join {{ ref('int_policies__documents') }} as d on l.policy_id = d.policy_id
where l.level = 'city' or l.city_id in ('110000', '120000', '310000', '500000')
