{# Formulas shared by marts. Each states its source; docs/methods.md explains them. #}

{# Columns that every mart carries, from the one row of int_build (alias b). #}
{% macro stamp() -%}
    b.method_version,
    b.as_of,
    b.vintage_id
{%- endmacro %}

{# The year before which no plant of an undated conversion can have made EVs: production for the market began with the
   pilot programme "ten cities, a thousand vehicles" (财建〔2009〕6号, in curated_policies). #}
{% macro first_ev_year() -%}2009{%- endmacro %}

{# Wilson (1927) score interval of a share k of n: stays inside 0 and 1. Its ends are exactly 0 at k = 0 and 1 at k = n; the formula
   alone gives 1e-16 there, and a value outside its own interval. z = 1.96. #}
{% macro wilson_lo(k, n) -%}
    (case when {{ n }} > 0 and {{ at_most(k, 0) }} then 0.0 when {{ n }} > 0 then greatest(0.0, (({{ k }}) / ({{ n }})::double + 1.9208 / ({{ n }}) - 1.96 * sqrt((({{ k }}) / ({{ n }})::double) * (1 - ({{ k }}) / ({{ n }})::double) / ({{ n }}) + 0.9604 / (({{ n }})::double * ({{ n }})))) / (1 + 3.8416 / ({{ n }}))) end)
{%- endmacro %}
{% macro wilson_hi(k, n) -%}
    (case when {{ n }} > 0 and {{ at_least(k, n) }} then 1.0 when {{ n }} > 0 then least(1.0, (({{ k }}) / ({{ n }})::double + 1.9208 / ({{ n }}) + 1.96 * sqrt((({{ k }}) / ({{ n }})::double) * (1 - ({{ k }}) / ({{ n }})::double) / ({{ n }}) + 0.9604 / (({{ n }})::double * ({{ n }})))) / (1 + 3.8416 / ({{ n }}))) end)
{%- endmacro %}

{# Upper tail of the binomial, P(X >= k) for X ~ Bin(n, p), summed exactly in logarithms (Moineddin et al. 2003). #}
{% macro binomial_tail(k, n, p) -%}
    (case
        when {{ k }} = 0 then 1.0
        when {{ p }} is null or {{ p }} <= 0 or {{ at_least(p, 1) }} then null
        else least(1.0, list_sum(list_transform(
            generate_series(({{ k }})::bigint, ({{ n }})::bigint),
            lambda i: exp(lgamma(({{ n }}) + 1.0) - lgamma(i + 1.0) - lgamma(({{ n }}) - i + 1.0) + i * ln({{ p }}) + (({{ n }}) - i) * ln(1 - {{ p }}))
        )))
    end)
{%- endmacro %}
