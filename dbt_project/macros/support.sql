{# How far a fact is supported, in the words of the contract, from the words of a source: the seed support_words has every word that
   a source may use (tests/test_contract.py). NULL stays NULL. Behind a colon sources say where a fact was read: no part of the word. #}
{% macro house_support(column) -%}
    (select w.means from {{ ref('support_words') }} as w where w.word = regexp_extract({{ column }}, '^[a-z_]+'))
{%- endmacro %}

{# Of what kind the page is that says a fact (official, firm, press, compiled, copy), where the source's word tells it: NULL for what
   is derived or unverified, and where nobody said what kind of page it is. #}
{% macro source_tier(column) -%}
    (select w.tier from {{ ref('support_words') }} as w where w.word = regexp_extract({{ column }}, '^[a-z_]+(:[a-z]+)?'))
{%- endmacro %}
