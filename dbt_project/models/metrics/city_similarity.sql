-- Krugman distance between the segment shares of two cities, and 1 - distance / 2. One row per pair (city_i < city_j).
with cells as (
    select
        p.city_id,
        p.segment_id,
        y.year,
        {{ ordered_sum('y.size') }} as size
    from {{ ref('panel_plant_year') }} as y
    inner join {{ ref('panel_plants') }} as p on y.plant_id = p.plant_id
    where y.size > 0
    group by p.city_id, p.segment_id, y.year
),

large as (
    -- pairs grow with the square of the cities: the 100 largest of each year
    select
        city_id,
        year
    from (
        select
            city_id,
            year,
            row_number() over (partition by year order by {{ rankable(ordered_sum('size')) }} desc, city_id) as place
        from cells
        group by city_id, year
    )
    where place <= 100
),

shares as (
    select
        c.city_id,
        c.segment_id,
        c.year,
        c.size / {{ ordered_sum('c.size') }} over (partition by c.city_id, c.year) as share
    from cells as c
    inner join large as l on c.city_id = l.city_id and c.year = l.year
),

-- sum |a - b| over all segments = 2 - 2 * sum min(a, b), since each side sums to one
overlap as (
    select
        i.city_id as city_i,
        j.city_id as city_j,
        i.year,
        {{ ordered_sum('least(i.share, j.share)') }} as common
    from shares as i
    inner join shares as j on i.segment_id = j.segment_id and i.year = j.year and i.city_id < j.city_id
    group by i.city_id, j.city_id, i.year
)

select
    i.city_id as city_i,
    j.city_id as city_j,
    i.year::integer as year,
    (2 - 2 * coalesce(o.common, 0))::double as krugman_distance,
    coalesce(o.common, 0)::double as similarity
from large as i
inner join large as j on i.year = j.year and i.city_id < j.city_id
left join overlap as o on i.city_id = o.city_i and j.city_id = o.city_j and i.year = o.year
