-- From a person's own panel (var panel: a folder of normalised Parquet), or from the atlas itself: same columns.
{% if var('panel') %}
select * from read_parquet('{{ var("panel") }}/plants.parquet')
{% else %}
select * from {{ ref('int_panel__plants') }}
{% endif %}
