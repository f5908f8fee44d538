{# What makes a table a function of its inputs: sums of floating-point numbers that no thread can reorder, and comparisons that
   the last bit of a number does not decide. tests/test_sql_order.py reads the compiled SQL of every model and names what does
   without. Belongs here: nothing but that. #}

{# The sum and the mean of a floating-point expression, its values added in their own order. Threads add in the order in which
   they meet rows, and 0.1 + 0.2 + 0.3 is two numbers; values sorted by themselves give one sum, whatever the rows' order (equal
   values are interchangeable). Take `filter` and `over` behind it as for sum(). A sum of integers or decimals needs no order. #}
{% macro ordered_sum(x) -%}
    sum({{ x }} order by {{ x }})
{%- endmacro %}
{% macro ordered_avg(x) -%}
    avg({{ x }} order by {{ x }})
{%- endmacro %}
{% macro ordered_product(x) -%}
    product({{ x }} order by {{ x }})
{%- endmacro %}
{# Two variables: pairs in the order of the first, then of the second. #}
{% macro ordered_corr(x, y) -%}
    corr({{ x }}, {{ y }} order by {{ x }}, {{ y }})
{%- endmacro %}

{# A share (0 to 1) or a logarithm as a decimal: running sums of it are exact, in whatever pieces a window adds them. #}
{% macro exact(x) -%}
    ({{ x }})::decimal(38, 28)
{%- endmacro %}

{# Comparisons of floating-point numbers. Two numbers nearer than the tolerance (dbt_project.yml, one for all: relative above 1,
   absolute below) are the same number; NULL on either side gives NULL. #}
{% macro tolerance(y) -%}
    {{ var('tolerance') }} * greatest(1, abs({{ y }}))
{%- endmacro %}
{% macro at_least(x, y) -%}
    (({{ x }}) - ({{ y }}) >= -{{ tolerance(y) }})
{%- endmacro %}
{% macro below(x, y) -%}
    (({{ x }}) - ({{ y }}) < -{{ tolerance(y) }})
{%- endmacro %}
{% macro above(x, y) -%}
    (({{ x }}) - ({{ y }}) > {{ tolerance(y) }})
{%- endmacro %}
{% macro at_most(x, y) -%}
    (({{ x }}) - ({{ y }}) <= {{ tolerance(y) }})
{%- endmacro %}
{% macro same(x, y) -%}
    (abs(({{ x }}) - ({{ y }})) <= {{ tolerance(y) }})
{%- endmacro %}
{# A size (vehicles, GWh, persons) to rank or sort by: six decimals, so that two sums of the same numbers tie. #}
{% macro rankable(x) -%}
    ({{ x }})::decimal(38, 6)
{%- endmacro %}
