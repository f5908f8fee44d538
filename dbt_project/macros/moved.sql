{#- A number has moved: known on one side only, or different by more than a billionth of its size. Another
    release of a library may round the last digits otherwise, and that is no news. -#}
{% macro moved(now, before) -%}
    (
        ({{ now }} is null) <> ({{ before }} is null)
        or abs({{ now }} - {{ before }}) > {{ var('tolerance') }} * greatest(abs({{ now }}), abs({{ before }}))
    )
{%- endmacro %}
