-- One row per outcome, instrument class, estimator, estimand and event time.
select
    e.*,
    {{ stamp() }}
from {{ ref('policy_effect') }} as e
cross join {{ ref('int_build') }} as b
