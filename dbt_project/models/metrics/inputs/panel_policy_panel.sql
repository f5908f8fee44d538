-- From a person's own panel (var panel: a folder of normalised Parquet), or from the atlas itself: same columns.
{% if var('panel') %}
select * from read_parquet('{{ var("panel") }}/policy_panel.parquet')
{% else %}
select * from {{ ref('int_panel__policy_panel') }}
{% endif %}
