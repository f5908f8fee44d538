{# Check characters of identifiers. #}

{# GB 32100-2015: 18 characters of an alphabet of 31; weights 3^i mod 31; the last makes the sum a multiple of 31. #}
{% macro valid_uscc(code) -%}
    (coalesce(case when regexp_full_match({{ code }}, '[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}') then
        (list_sum(list_transform(
            list_zip(string_split({{ code }}, ''), [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28, 1]),
            lambda pair: (strpos('0123456789ABCDEFGHJKLMNPQRTUWXY', pair[1]) - 1) * pair[2]
        )) % 31 = 0)
    end, false))
{%- endmacro %}
