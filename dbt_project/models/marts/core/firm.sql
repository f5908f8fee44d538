select
    f.firm_id,
    f.name_zh,
    f.name_en,
    f.uscc,
    f.lei,
    f.stock_code,
    f.city_id,
    f.place_rule,
    f.founded_on,
    f.founded_year,
    f.status,
    f.status_year,
    f.powertrain,
    f.group_id,
    f.group_name,
    f.group_evidence,
    f.n_sources::integer as n_sources,
    f.support,
    f.confidence,
    f.source_url,
    {{ stamp() }}
from {{ ref('int_firms__resolved') }} as f
cross join {{ ref('int_build') }} as b
