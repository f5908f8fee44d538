-- depends_on: {{ ref('mart_cluster') }} {{ ref('city') }} {{ ref('plant') }} {{ ref('mart_policy_toolkit') }}
-- depends_on: {{ ref('mart_heritage') }} {{ ref('mart_lineage_edge') }} {{ ref('mart_involution') }} {{ ref('city_structure') }}
-- depends_on: {{ ref('meta_coverage') }} {{ ref('mart_city_profile') }}
{% for f in findings() %}
select
    '{{ f.id }}' as finding_id,
    '{{ f.claim | replace("'", "''") }}' as claim,
    '{{ f.question }}' as research_question,
    '{{ f.statistic | replace("'", "''") }}' as statistic,
    q.value::double as value,
    {{ f.threshold }}::double as threshold,
    q.coverage::double as coverage,
    {{ f.min_coverage }}::double as min_coverage,
    case
        when q.value is null or q.coverage is null or {{ below('q.coverage', f.min_coverage) }} then 'undetermined'
        when {{ at_least('q.value', f.threshold) }} then 'supported'
        else 'not_supported'
    end as verdict,
    q.detail,
    '{{ f.query | replace("'", "''") }}' as evidence_query,
    {{ stamp() }},
    q.n::bigint as n_obs,
    {{ wilson_lo('q.value * q.n', 'q.n') }}::double as lo,
    {{ wilson_hi('q.value * q.n', 'q.n') }}::double as hi,
    case
        when q.n is null then 'a count or a mean of ranks over the places known: no sampling interval'
        when {{ below(wilson_lo('q.value * q.n', 'q.n'), f.threshold) }} and {{ at_least(wilson_hi('q.value * q.n', 'q.n'), f.threshold) }} then 'the interval holds the threshold'
        else 'the interval lies on one side of the threshold'
    end as robust
from ({{ f.query }}) as q
cross join {{ ref('int_build') }} as b
{% if not loop.last %}union all{% endif %}
{% endfor %}
