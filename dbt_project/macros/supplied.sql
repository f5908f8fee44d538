{# Files that users supplied: which of several records about one thing stands. The order is total and knows no time of a
   fetch: the newest `as_of`, then the last path (a partition is named after the path of its file), then the first record of
   the file. The same rule in sources/inbox/judge.py settles the records of one file. #}

{# For `order by`: the record that stands comes first. #}
{% macro supplied_first(alias) -%}
    {{ alias }}.as_of desc nulls last, {{ alias }}.partition desc, {{ alias }}.record_no
{%- endmacro %}

{# For `order by`: of the records r of a firm the one that speaks first; of supplied ones the newest, then the last path. #}
{% macro firm_first(r) -%}
    {{ r }}.priority,
    {{ r }}.is_branch,
    case when {{ r }}.priority = 2 and {{ r }}.source_id = 'inbox' then {{ r }}.as_of end desc nulls last,
    case when {{ r }}.priority = 2 and {{ r }}.source_id = 'inbox' then {{ r }}.record_key end desc nulls last,
    {{ r }}.record_key
{%- endmacro %}

{# For `arg_max`: the record that stands is the greatest. #}
{% macro supplied_rank() -%}
    (coalesce(as_of, ''), partition, -record_no)
{%- endmacro %}

{# The words of a site's name that tell it from others: without those of `others` (operator, city) and what any works is
   called. Chinese names are cut into what is left between such words. #}
{% macro site_words(name, others) -%}
    list_distinct(list_filter(
        regexp_split_to_array(
            regexp_replace(
                lower(coalesce({{ name }}, '')),
                -- longest first; a pattern that fits nothing where there is no such word
                coalesce(
                    nullif(array_to_string(list_sort(list_filter(
                        regexp_split_to_array(lower(coalesce({{ others }}, '')), '[^\pL\pN]+'), lambda w: regexp_matches(w, '\p{Han}')
                    ), 'DESC'), '|'), ''),
                    '[^\s\S]'
                ),
                ' ',
                'g'
            ),
            '[^\pL\pN]+|有限责任公司|股份有限公司|有限公司|生产基地|工厂|基地|分公司|公司|项目|厂区|厂|新能源|汽车|整车|动力电池|电池|生产|市'
        ),
        lambda w:
            w <> ''
            and not list_contains(regexp_split_to_array(lower(coalesce({{ others }}, '')), '[^\pL\pN]+'), w)
            and not list_contains(
                ['plant', 'plants', 'factory', 'works', 'base', 'the', 'of', 'auto', 'automobile', 'automotive', 'car', 'cars', 'vehicle', 'vehicles',
                 'battery', 'batteries', 'production', 'site', 'facility', 'nev', 'ev', 'co', 'ltd', 'company', 'group', 's'], w)
    ))
{%- endmacro %}

{# How well a plant of the list fits a supplied record, for `order by`. #}
{% macro plant_fit() -%}
    site_fit = 'same' desc, coalesce(same_firm, false) desc, years_apart nulls last
{%- endmacro %}

{# Of a supplied record m of a firm r: the cells that stand as it says, which no other source says (o) and no supplied record
   before it (f); and those where another speaks first and says otherwise. #}
{% macro supplied_cells(columns) -%}
    nullif(concat_ws(
        ';'
        {%- for c in columns %},
        case when m.{{ c }} = r.{{ c }} and f.{{ c }} = m.source_record_id and o.{{ c }} is distinct from m.{{ c }} then '{{ c }}' end
        {%- endfor %}
    ), '') as columns_changed,
    nullif(concat_ws(
        ';'
        {%- for c in columns if c != 'name_zh' %},
        case
            when m.{{ c }} <> r.{{ c }}
                {#- a date that is known to the day and one known to the year, or one share of two, say the same -#}
                {%- if c == 'founded_on' %} and not (starts_with(m.founded_on, r.founded_on) or starts_with(r.founded_on, m.founded_on)){% endif %}
                {%- if c == 'stock_code' %} and not contains(r.stock_code, m.stock_code){% endif %}
                then '{{ c }}'
        end
        {%- endfor %}
    ), '') as columns_lost
{%- endmacro %}

{# Support of a supplied fact: with an address, derived from a file that names a page, which the project has not read; without
   one nobody can look it up. #}
{% macro supplied_support(url) -%}
    if({{ url }} is null, 'unverified', 'derived')
{%- endmacro %}
