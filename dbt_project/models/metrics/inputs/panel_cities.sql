-- From a person's own panel (var panel: a folder of normalised Parquet), or from the atlas itself: same columns.
{% if var('panel') %}
select * from read_parquet('{{ var("panel") }}/cities.parquet')
{% else %}
select * from {{ ref('int_panel__cities') }}
{% endif %}
