-- One row per record of a city's output in files that users supplied: which record stands for its city, year and product, and
-- how it fares against the figure of the curated facts. With an address (`source_url`) it stands against a figure from memory, a
-- derived one, and a bound ("over 700,000") that it keeps to; a figure or bound that was read at its source stands
-- against it. It never loses without a word.
with records as (
    select
        i.*,
        coalesce(c.city_id, n.city_id) as located_adcode,
        i.output * case when regexp_matches(coalesce(i.unit, ''), '万') then 10000 else 1 end as vehicles
    from {{ ref('stg_inbox__city_output') }} as i
    left join {{ ref('cities') }} as c on i.city_id = c.city_id
    left join {{ ref('int_city_names') }} as n on lower(i.city) = n.alias
),

ranked as (
    select
        r.*,
        row_number() over w as place_in_line,
        first_value(r.partition) over w as against_partition,
        first_value(r.record_no) over w as against_record_no
    from records as r
    -- of two bases the place of production speaks for a city
    window
        w as (
            partition by coalesce(r.located_adcode, lower(r.city)), r.year, r.product
            order by coalesce(r.basis = 'place_of_production', false) desc, coalesce(r.basis = 'legal_entity', false), {{ supplied_first('r') }}
        )
),

curated as (
    select
        record_id,
        geography_id as city_id,
        year,
        metric,
        vehicles,
        support,
        coalesce(contains(note, 'bound'), false) as is_bound,
        coalesce(contains(note, 'upper bound'), false) as is_upper_bound
    from {{ ref('stg_curated_output__output') }}
    where geography_level = 'city' and preferred and period = 'full' and metric in ('nev', 'auto')
    qualify row_number() over (partition by geography_id, year, metric order by record_id) = 1
),

judged as (
    select
        r.*,
        c.record_id as listed_record_id,
        c.is_bound,
        c.support as listed_support,
        c.vehicles as listed_vehicles,
        {{ below('abs(r.vehicles - c.vehicles)', '0.5') }} as is_same,
        c.is_bound and if(c.is_upper_bound, {{ above('r.vehicles', 'c.vehicles') }}, {{ below('r.vehicles', 'c.vehicles') }}) as is_out_of_bound,
        case
            when r.place_in_line > 1 then 'lost'
            when r.located_adcode is null then 'lost'
            when c.record_id is null then 'added'
            when {{ below('abs(r.vehicles - c.vehicles)', '0.5') }} and (r.source_url is null or (c.support = 'sourced' and not c.is_bound))
                then 'confirmed'
            when r.source_url is not null and (c.support <> 'sourced' or (c.is_bound and not is_out_of_bound)) then 'corrected'
            else 'lost'
        end as outcome
    from ranked as r
    left join curated as c on r.located_adcode = c.city_id and r.year = c.year and r.product = c.metric
)

select
    * exclude (place_in_line, is_same, is_out_of_bound, listed_vehicles),
    {{ supplied_support('source_url') }} as support_found,
    product || ': ' || vehicles::double || ' vehicles' as supplied_values,
    case when listed_record_id is not null then product || ': ' || listed_vehicles::double || ' vehicles' || if(is_bound, ' (a bound)', '') end
        as listed_values,
    case when outcome = 'corrected' then if(is_same, 'support', 'vehicles') end as columns_changed,
    case when outcome = 'lost' and place_in_line = 1 and located_adcode is not null then 'vehicles' end as columns_lost,
    case
        when place_in_line > 1
            then 'another record is about this city, year and product and stands: it speaks of a later day, or its path comes last, or it comes first in its file'
        when located_adcode is null then 'its city is not known'
        when outcome = 'added' then 'no other figure of this city, year and product'
        when outcome = 'confirmed' then 'says what the figure says'
        when outcome = 'corrected' then
            'with a source_url it stands against ' || case
                when is_out_of_bound then 'a bound from memory or by derivation, which it does not keep'
                when is_bound then 'a bound' when listed_support = 'unverified' then 'a figure from memory' else 'a derived figure'
            end
        when source_url is null then 'without a source_url it does not stand against ' || case
            when is_bound then 'a bound' when listed_support = 'unverified' then 'a figure from memory' else 'a figure with a source'
        end
        when is_out_of_bound then 'it does not keep a bound that was read at its source: one of the two is wrong, or they count different things'
        else 'the figure was read at its source'
    end as reason
from judged
