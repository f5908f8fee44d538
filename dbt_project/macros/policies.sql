{# Policy documents: addresses and dates made comparable, and the days on which a document is in force. #}

{# An address as a key: without scheme, fragment, trailing slash and parameters that only trace the reader; everything
   else of the query stays, since `iteminfo.jsp?id=` names the document. #}
{% macro url_key(url) -%}
    nullif(
        regexp_replace(
            regexp_replace(
                regexp_replace(
                    regexp_replace(trim({{ url }}), '^[a-zA-Z]+://(www\.)?|#.*$', '', 'g'),
                    '([?&])(utm_[a-z]+|spm|from|share|source|isappinstalled|scene|gclid|fbclid)=[^&]*', '\1', 'g'),
                '[?&]+$', ''),
            '/$', ''),
        '')
{%- endmacro %}

{# First and last day that an ISO text of any precision can mean. #}
{% macro first_day(iso) -%}
    try_cast(case length({{ iso }}) when 4 then {{ iso }} || '-01-01' when 7 then {{ iso }} || '-01' else left({{ iso }}, 10) end as date)
{%- endmacro %}
{% macro last_day_of(iso) -%}
    (case length({{ iso }})
        when 4 then try_cast({{ iso }} || '-12-31' as date)
        when 7 then last_day(try_cast({{ iso }} || '-01' as date))
        else try_cast(left({{ iso }}, 10) as date)
    end)
{%- endmacro %}

{# Whether a document (alias of int_policies__documents or of the mart policy) is in force on a day: true, false, or NULL
   where the sources leave it open: no end is stated and nobody looked later, or a mark of repeal whose day nobody states. #}
{% macro in_force_on(day, alias) -%}
    (case
        when {{ alias }}.in_force_from is null then null
        when {{ day }} < {{ alias }}.in_force_from then false
        when {{ alias }}.in_force_to is not null then {{ day }} <= {{ alias }}.in_force_to
        when {{ day }} >= {{ alias }}.out_of_force_by then false
        when {{ day }} <= {{ alias }}.in_force_seen then true
    end)
{%- endmacro %}

{# Types of document that are measures; the others announce, select, explain or answer, and feed no count. #}
{% macro is_measure(doc_type) -%}
    ({{ doc_type }} in ('norm', 'plan', 'agreement'))
{%- endmacro %}

{# A title as titles are compared: ingest/policies/text.py normalise_title, for titles without a mark of validity. #}
{% macro title_key(title) -%}
    lower(regexp_replace({{ halfwidth(title) }}, '[\s“”"''‘’《》<>·,，、.。:：\-—]', '', 'g'))
{%- endmacro %}
