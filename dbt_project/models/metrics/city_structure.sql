-- Structure of a city over segments, by `size` (employment in a panel, plants in the atlas's own data).
with cells as (
    select
        p.city_id,
        p.segment_id,
        g.family_id,
        y.year,
        {{ ordered_sum('y.size') }} as size
    from {{ ref('panel_plant_year') }} as y
    inner join {{ ref('panel_plants') }} as p on y.plant_id = p.plant_id
    inner join {{ ref('panel_segments') }} as g on p.segment_id = g.segment_id
    where y.size > 0
    group by p.city_id, p.segment_id, g.family_id, y.year
),

shares as (
    select
        city_id,
        segment_id,
        family_id,
        year,
        size / {{ ordered_sum('size') }} over (partition by city_id, year) as share_in_city,
        {{ ordered_sum('size') }} over (partition by segment_id, year) / {{ ordered_sum('size') }} over (partition by year) as share_in_nation
    from cells
),

families as (
    select
        city_id,
        year,
        -{{ ordered_sum('family_share * log2(family_share)') }} as unrelated_variety
    from (
        select
            city_id,
            year,
            family_id,
            {{ ordered_sum('share_in_city') }} as family_share
        from shares
        group by city_id, year, family_id
    )
    group by city_id, year
),

segments as (
    select
        city_id,
        year,
        {{ ordered_sum('share_in_city * share_in_city') }} as hhi,
        -{{ ordered_sum('share_in_city * log2(share_in_city)') }} as entropy_bits,
        -- segments that the city lacks differ by their whole national share
        {{ ordered_sum('abs(share_in_city - share_in_nation)') }} + (1 - {{ ordered_sum('share_in_nation') }}) as krugman
    from shares
    group by city_id, year
),

grid as (
    select
        c.city_id,
        y.year
    from {{ ref('panel_cities') }} as c
    cross join (select distinct year from {{ ref('panel_plant_year') }}) as y
    {% if not var('panel') %}
    where c.city_id in (select city_id from {{ ref('panel_plants') }})
    {% endif %}
)

select
    g.city_id,
    g.year::integer as year,
    s.hhi::double as hhi,
    abs(s.entropy_bits)::double as entropy_bits,
    abs(f.unrelated_variety)::double as unrelated_variety,
    -- rounding can leave -1e-17; greatest() alone would turn an unknown into 0
    case when s.entropy_bits is not null then greatest(0.0, s.entropy_bits - f.unrelated_variety) end::double as related_variety,
    s.krugman::double as krugman,
    case when s.city_id is null then 'the city is empty in the year' end as null_reason
from grid as g
left join segments as s on g.city_id = s.city_id and g.year = s.year
left join families as f on g.city_id = f.city_id and g.year = f.year
