-- Documents of cities with each instrument they use, dated by the day they take effect (by issue where the document names
-- none), as a panel has them. Amounts are totals in
-- million CNY; a rate per vehicle is no total and stays out.
select
    d.policy_id as document_id,
    d.adcode as city_id,
    c.instrument,
    coalesce(
        try_cast(case length(d.valid_from) when 4 then d.valid_from || '-01-01' when 7 then d.valid_from || '-01' else d.valid_from end as date),
        try_cast(case length(d.issued_on) when 4 then d.issued_on || '-01-01' when 7 then d.issued_on || '-01' else d.issued_on end as date)
    ) as effective_date,
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
