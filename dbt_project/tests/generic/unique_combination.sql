{# Rows that share the same values of the named columns; NULL counts as a value, since a key has none. #}
{% test unique_combination(model, columns) %}
select
    {{ columns | join(', ') }},
    count(*) as n
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1 {% for c in columns %}or {{ c }} is null {% endfor %}
{% endtest %}
