-- One row per record of a plant in files that users supplied: which record stands for its plant, whether the curated list has
-- that plant, and what the record changes there. A plant of the list is met by its identity: the same operator (by its names,
-- or by the group that the list names), city and segment, and a site name or opening year that does not speak against it.
-- A cell of a record fills what the list does not know; with an address (`source_url`) it stands against what the list has
-- from memory or by derivation; against what was read at its source it is lost, and said to be.
with records as (
    select
        i.*,
        coalesce(i.operator_zh, i.operator_en) as operator,
        {{ name_key('coalesce(i.operator_zh, i.operator_en)') }} as name_key,
        {{ name_key('i.operator_en', simplify=false) }} as operator_en_key,
        coalesce(a.city_id, n.city_id) as located_adcode,
        coalesce(
            s.segment_id,
            case
                when regexp_matches(lower(i.product), 'cell|batter|电池|电芯') then 'battery'
                when regexp_matches(lower(i.product), 'car|vehicle|bus|truck|suv|整车|汽车|客车|轿车') then 'oem'
                when regexp_matches(lower(i.product), 'motor|drive|电机|电驱') then 'e_drive'
                when regexp_matches(lower(i.product), 'engine|发动机|变速') then 'ice_powertrain'
                when regexp_matches(lower(i.product), 'charg|充电|换电') then 'charging'
            end
        ) as product_segment,
        case
            when lower(i.capacity_unit) in ('vehicles_per_year', 'vehicles/yr', 'vehicles/year', 'vehicles', '辆', '辆/年') then 'vehicles_per_year'
            when lower(i.capacity_unit) in ('gwh_per_year', 'gwh', 'gwh/yr', 'gwh/year', 'gwh/a', 'gwh/年', '吉瓦时', '吉瓦时/年') then 'gwh_per_year'
            else i.capacity_unit
        end as unit_of_capacity,
        unit_of_capacity in ('vehicles_per_year', 'gwh_per_year') as is_known_unit,
        {{ supplied_support('i.source_url') }} as support_found,
        {{ site_words("concat_ws(' ', i.plant_name)", "concat_ws(' ', i.operator_zh, i.operator_en, i.city, c.name_zh, c.name_zh_short, c.name_en)") }} as site
    from {{ ref('stg_inbox__plants') }} as i
    left join {{ ref('cities') }} as a on i.city_id = a.city_id
    left join {{ ref('int_city_names') }} as n on lower(i.city) = n.alias
    left join {{ ref('cities') }} as c on coalesce(a.city_id, n.city_id) = c.city_id
    left join {{ ref('segments') }} as s on i.segment_id = s.segment_id
),

-- a firm by any name that a record of it has, where that name means one firm
names as (
    select
        l.firm_id,
        unnest([r.name_key, r.name_en_key, r.name_core, {{ name_key('r.name_zh_short', simplify=false) }}]) as alias
    from {{ ref('int_firms__records') }} as r
    inner join {{ ref('int_firms__links') }} as l on r.record_key = l.record_key
),

known_names as (
    select
        alias,
        min(firm_id) as firm_id
    from names
    where
        alias in (select name_key from records) or alias in (select operator_en_key from records)
        or alias in (select {{ name_core('name_key') }} from records)
    group by alias
    having count(distinct firm_id) = 1
),

operated as (
    select
        r.*,
        f.firm_id,
        {{ name_key('f.group_name', simplify=false) }} as group_key
    from records as r
    -- by the whole name in either language, then by the core of the Chinese one
    left join known_names as n on r.name_key = n.alias
    left join known_names as e on r.operator_en_key = e.alias
    left join known_names as m on {{ name_core('r.name_key') }} = m.alias
    left join {{ ref('int_firms__resolved') }} as f on coalesce(n.firm_id, e.firm_id, m.firm_id) = f.firm_id
),

-- of records about one plant one stands
ranked as (
    select
        o.*,
        -- (two files may give one plant two segments)
        greatest(row_number() over w, row_number() over v) as place_in_line,
        if(row_number() over w > 1, first_value(o.partition) over w, first_value(o.partition) over v) as stands_partition,
        if(row_number() over w > 1, first_value(o.record_no) over w, first_value(o.record_no) over v) as stands_record_no
    from operated as o
    window
        v as (partition by o.record_id order by {{ supplied_first('o') }}),
        w as (
            partition by
                coalesce(o.firm_id, o.name_key), coalesce(o.located_adcode, lower(o.city)), coalesce(o.product_segment, lower(o.product)),
                lower(trim(coalesce(o.plant_name, '')))
            order by {{ supplied_first('o') }}
        )
),

listed as (
    select
        p.plant_id,
        p.city_id,
        p.segment_id,
        p.opened_year,
        h.firm_id,
        {{ name_key('p.operator', simplify=false) }} as operator_key,
        {{ site_words('p.plant_name', "concat_ws(' ', p.operator, c.name_en)") }} as site
    from {{ ref('stg_curated_plants__plants') }} as p
    left join {{ ref('cities') }} as c on p.city_id = c.city_id
    left join {{ ref('int_plants__operated') }} as h on p.plant_id = h.plant_id and h.precedence = 1
),

compared as (
    select
        r.partition,
        r.record_no,
        p.plant_id,
        r.as_of,
        r.firm_id = p.firm_id as same_firm,
        abs(r.opened_year - p.opened_year) as years_apart,
        case
            -- a name in Chinese and one in Latin letters cannot be compared
            when
                len(r.site) = 0 or len(p.site) = 0
                or regexp_matches(array_to_string(r.site, ''), '\p{Han}') <> regexp_matches(array_to_string(p.site, ''), '\p{Han}')
                then 'unknown'
            when list_has_all(p.site, r.site) or list_has_all(r.site, p.site) then 'same'
            else 'other'
        end as site_fit
    from ranked as r
    inner join listed as p
        on
            r.located_adcode = p.city_id and r.product_segment = p.segment_id
            and (r.firm_id = p.firm_id or p.operator_key in (r.name_key, r.operator_en_key, r.group_key))
    where r.place_in_line = 1
),

-- a site by another name is another plant, and so is one that opened more than five years apart, unless its name says it is
fitting as (
    select
        *,
        count(*) over (partition by partition, record_no) as n_fit,
        row_number() over (partition by partition, record_no order by {{ plant_fit() }}, plant_id) as fit,
        rank() over (partition by partition, record_no order by {{ plant_fit() }}) as fit_alike
    from compared
    where site_fit = 'same' or (site_fit = 'unknown' and coalesce(years_apart, 0) <= 5)
),

chosen as (
    select
        *,
        count(*) filter (where fit_alike = 1) over (partition by partition, record_no) > 1 as is_ambiguous,
        string_agg(plant_id, ', ' order by plant_id) over (
            partition by partition, record_no order by plant_id rows between unbounded preceding and unbounded following
        ) as plants_that_fit
    from fitting
),

-- the capacity that the list counts: the newest dated figure of what was built, else the plant's own
dated as (
    select *
    from {{ ref('int_plants__built') }}
    qualify row_number() over (partition by plant_id order by year desc) = 1
),

listed_capacity as (
    select
        p.plant_id,
        coalesce(d.capacity, p.capacity) as capacity,
        if(d.capacity is null, p.capacity_unit, d.capacity_unit) as capacity_unit,
        if(d.capacity is null, p.capacity_support, d.support) as support
    from {{ ref('stg_curated_plants__plants') }} as p
    left join dated as d on p.plant_id = d.plant_id
),

-- two records that fit one plant of the list are two plants: the list has the one that fits better
met as (
    select
        c.partition,
        c.record_no,
        c.plant_id,
        c.is_ambiguous,
        c.plants_that_fit
    from chosen as c
    where c.fit = 1
    qualify c.is_ambiguous or row_number() over (
        partition by c.plant_id, c.is_ambiguous order by {{ plant_fit() }}, {{ supplied_first('c') }}
    ) = 1
),

cells as (
    select
        m.partition,
        m.record_no,
        unnest([
            {
                'cell': 'opened_year', 'supplied': r.opened_year::varchar, 'listed': p.opened_year::varchar,
                'support': p.opened_support, 'url': r.source_url
            },
            {
                'cell': 'closed_year', 'supplied': r.closed_year::varchar, 'listed': p.closed_year::varchar,
                'support': p.closed_support, 'url': r.source_url
            },
            {
                'cell': 'capacity',
                'supplied': case when r.unit_of_capacity is not null then r.capacity::double::varchar || ' ' || r.unit_of_capacity end,
                'listed': c.capacity::double::varchar || ' ' || coalesce(c.capacity_unit, ''),
                -- a figure in a unit that nobody knows never takes the place of one that is known
                'support': if(r.is_known_unit or c.capacity is null, c.support, 'sourced'),
                'url': r.source_url
            },
            {
                'cell': 'powertrain_at_opening', 'supplied': nullif(r.powertrain_at_opening, 'unknown'),
                'listed': nullif(p.powertrain_at_opening, 'unknown'), 'support': p.support, 'url': r.source_url
            },
            {
                'cell': 'converted_from_ice', 'supplied': r.converted_from_ice, 'listed': nullif(p.converted_from_ice, 'unknown'),
                'support': p.support, 'url': r.source_url
            },
            {
                'cell': 'converted_year', 'supplied': r.converted_year::varchar, 'listed': p.converted_year::varchar,
                'support': p.support, 'url': r.source_url
            },
            {
                'cell': 'place', 'supplied': r.longitude::varchar || ' ' || r.latitude::varchar, 'listed': null, 'support': null,
                'url': r.source_url
            }
        ], recursive := true)
    from met as m
    inner join ranked as r on m.partition = r.partition and m.record_no = r.record_no
    inner join {{ ref('stg_curated_plants__plants') }} as p on m.plant_id = p.plant_id
    inner join listed_capacity as c on m.plant_id = c.plant_id
    where not m.is_ambiguous
),

judged as (
    select
        partition,
        record_no,
        string_agg(cell, ';' order by cell) filter (where supplied <> coalesce(listed, '') and stands) as columns_changed,
        string_agg(cell, ';' order by cell) filter (where supplied <> coalesce(listed, '') and not stands) as columns_lost,
        string_agg(cell || ': ' || supplied, '; ' order by cell || ': ' || supplied) filter (where supplied <> coalesce(listed, '')) as supplied_values,
        string_agg(cell || ': ' || coalesce(listed, 'unknown'), '; ' order by cell || ': ' || coalesce(listed, 'unknown'))
            filter (where supplied <> coalesce(listed, ''))
            as listed_values
    from (
        select
            *,
            listed is null or (url is not null and coalesce(support, '') <> 'sourced') as stands
        from cells
        where supplied is not null
    )
    group by partition, record_no
)

select
    r.* exclude (site, group_key, name_key, operator_en_key, product_segment, unit_of_capacity, is_known_unit, place_in_line, stands_partition, stands_record_no),
    r.product_segment as segment_found,
    r.unit_of_capacity as capacity_unit_found,
    m.plant_id as listed_plant_id,
    j.columns_changed,
    j.columns_lost,
    j.supplied_values,
    j.listed_values,
    r.stands_partition as against_partition,
    r.stands_record_no as against_record_no,
    case
        when r.place_in_line > 1 then 'lost'
        when m.is_ambiguous then 'lost'
        when m.plant_id is null then 'added'
        when j.columns_changed is not null then 'corrected'
        when j.columns_lost is not null then 'lost'
        else 'confirmed'
    end as outcome,
    r.place_in_line = 1 and m.plant_id is null as is_plant,
    case
        when r.place_in_line > 1
            then 'another record is about this plant and stands: it speaks of a later day, or its path comes last, or it comes first in its file'
        when m.is_ambiguous then 'fits several plants of the list (' || m.plants_that_fit || '): name the site or its opening year'
        when m.plant_id is null then
            case when r.located_adcode is null then 'its city is not known: counted in no city' else 'the list has no such plant' end
        else concat_ws(
            '; ',
            case when j.columns_changed is not null then 'stands where the list knew nothing, or had it from memory or by derivation' end,
            case
                when j.columns_lost = 'capacity' and not r.is_known_unit
                    then 'lost: its unit of capacity is none that is known (vehicles_per_year, gwh_per_year)'
                when j.columns_lost is not null and r.source_url is null
                    then 'lost: without a source_url it does not stand against the list'
                when j.columns_lost is not null then 'lost: the list read it at its source'
            end,
            case when j.columns_changed is null and j.columns_lost is null then 'says what the list says' end
        )
    end as reason
from ranked as r
left join met as m on r.partition = m.partition and r.record_no = m.record_no
left join judged as j on r.partition = j.partition and r.record_no = j.record_no
