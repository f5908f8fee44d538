select
    case_id,
    city_adcode as city_id,
    case_name,
    type,
    ice_heritage,
    ev_outcome,
    reading,
    reading_class,
    policy_tool,
    amount_text,
    year,
    {{ house_support('support') }} as support,
    confidence,
    source_url
from {{ source('heritage_cases', 'cases') }}
