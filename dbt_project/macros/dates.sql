{# How much of a date is known that a source wrote as YYYY, YYYY-MM or YYYY-MM-DD. Published it is a DATE, the first or last day of
   what is known (first_day, last_day_of), with this beside it; text that is no date is NULL in both. #}
{% macro precision_of(text) -%}
    case when {{ first_day(text) }} is not null then case length({{ text }}) when 4 then 'year' when 7 then 'month' else 'day' end end
{%- endmacro %}
