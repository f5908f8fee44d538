{# Rows whose value lies outside its own interval, or whose interval has one end only. #}
{% test within_interval(model, value, lo, hi, half_open=false) %}
select
    {{ value }},
    {{ lo }},
    {{ hi }}
from {{ model }}
where not coalesce({{ at_least(value, lo) }} and {{ at_most(value, hi) }}, true) or ({{ lo }} is null{% if half_open %} and {{ hi }} is not null){% else %}) <> ({{ hi }} is null){% endif %}

{% endtest %}
