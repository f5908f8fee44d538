-- One row per city with firms of the sector in registers that people brought: what such a file can say, and what not. A
-- register of survivors shows where the firms that still had a record when it was made were founded, and not how many
-- lived in a year.
with firms as (
    select
        located_adcode as place_id,
        coalesce(uscc, record_id) as firm_key,
        founded_year,
        coalesce(
            closed_year is not null or regexp_matches(status, '注销|吊销|撤销|closed|dissolved|revoked'), false
        ) as is_closed
    from {{ ref('stg_inbox__firms_sector') }}
    where in_sector and located_adcode is not null
),

nation as (
    select
        min(founded_year) as first_year,
        max(founded_year) as last_year,
        count(*) filter (where is_closed) as n_closed
    from firms
),

-- a province that founded five firms a year over five years and then none in a year has a hole in the file, not in its
-- history
years as (
    select
        left(place_id, 2) as province,
        founded_year,
        count(*) as n
    from firms
    where founded_year is not null
    group by left(place_id, 2), founded_year
),

holes as (
    select
        p.province,
        string_agg(g.y, ', ' order by g.y) as missing_years
    from (select distinct province from years) as p
    cross join (
        select unnest(generate_series(first_year, last_year))::integer as y from nation where first_year is not null
    ) as g
    left join years as here on p.province = here.province and g.y = here.founded_year
    where
        here.n is null
        and (
            select coalesce(sum(near.n), 0) from years as near
            where near.province = p.province and near.founded_year between g.y - 5 and g.y - 1
        ) >= 25
    group by p.province
),

cities as (
    select
        place_id,
        count(distinct firm_key)::integer as n_firms,
        count(*) filter (where is_closed) as n_closed
    from firms
    group by place_id
)

select
    c.place_id,
    coalesce(n.name_zh, c.place_id) as place,
    'inbox' as source_id,
    'registry files' as adapter,
    true as covered,
    c.n_firms as pages,
    cast(null as double) as body_share,
    c.n_firms || ' firms of the sector in files that people brought, founded ' || a.first_year || '-' || a.last_year
    || case
        when a.n_closed = 0
            then '; no closed firm in any of them: survivors only, which says where they were founded and not how many lived'
        else '; ' || c.n_closed || ' of them closed'
    end
    || coalesce('; no firm of the province founded in ' || h.missing_years || ', which is a gap of the file', '') as note
from cities as c
cross join nation as a
left join {{ ref('cities') }} as n on c.place_id = n.city_id
left join holes as h on left(c.place_id, 2) = h.province
