-- Pairs of records that may be one firm, with the rule that proposes them and how far it is trusted (0-1). The pairs
-- come from equi-joins on identifiers and keys, so that the work grows with the records and not with their square.
-- Nothing merges here: int_firms__clusters accepts pairs from the surest down and refuses what contradicts.
with records as (
    select * from {{ ref('int_firms__records') }}
),

-- identifiers: each record points at the first record with the same one
by_uscc as (
    select
        first_value(record_key) over (partition by uscc order by priority, record_key) as a,
        record_key as b,
        'uscc' as match_rule,
        1.0 as match_score
    from records
    where uscc is not null
),

by_lei as (
    select
        first_value(record_key) over (partition by lei order by priority, record_key) as a,
        record_key as b,
        'lei' as match_rule,
        0.995 as match_score
    from records
    where lei is not null
),

codes as (
    select distinct
        record_key,
        priority,
        -- "002594.SZ" and "002594" are one code; a code of Hong Kong has other digits
        regexp_extract(upper(trim(unnest(string_split(replace(stock_codes, ',', ';'), ';')))), '^[0-9A-Z]+') as code
    from records
    where stock_codes is not null
),

by_code as (
    select
        first_value(record_key) over (partition by code order by priority, record_key) as a,
        record_key as b,
        'stock_code' as match_rule,
        0.99 as match_score
    from codes
    where code != ''
),

-- how many registrations, and how many cities, bear one name: what a record without either can be
borne as (
    select
        name_key,
        count(distinct uscc) as registrations,
        count(distinct city_id) as cities,
        count(distinct share_code) as shares
    from records
    where name_key is not null
    group by name_key
),

-- A name that says its place, in front or (in brackets) behind, is borne once: registrars refuse a second in their place.
places as (
    select name_zh_short as place
    from {{ ref('cities') }}
    where not cast(is_direct_county as boolean)
    union
    select name_zh_short as place
    from {{ ref('provinces') }}
),

-- names: a record answers to its name and, where they are known, to its former names
names as (
    select record_key, name_key, name_core, false as is_former from records where name_key is not null
    union
    select r.record_key, f.former_key, f.former_core, true
    from records as r
    inner join {{ ref('int_firms__former_names') }} as f on r.name_key = f.name_key
),

blocks as (
    select
        n.*,
        r.city_id,
        r.other_city_id,
        r.province_id,
        r.founded_year,
        r.founded_on,
        r.priority,
        r.is_branch,
        r.uscc,
        coalesce(b.registrations, 0) as registrations,
        coalesce(b.cities, 0) as cities,
        left(n.name_core, 2) in (select place from places) or left(n.name_core, 3) in (select place from places)
        or right(n.name_core, 2) in (select place from places) or right(n.name_core, 3) in (select place from places)
            as says_place,
        count(*) over (partition by n.name_core) as block_size
    from names as n
    inner join records as r on n.record_key = r.record_key
    left join borne as b on n.name_key = b.name_key
    where length(n.name_core) >= 2
),

compared as (
    select
        a.record_key as a,
        b.record_key as b,
        a.name_key = b.name_key as same_name,
        a.is_former or b.is_former as by_former,
        -- unknown only where a city is: `in` with a NULL beside it would make every difference unknown
        case
            when a.city_id is not null and b.city_id is not null
                then a.city_id = b.city_id
                or coalesce(a.city_id = b.other_city_id, false)
                or coalesce(a.other_city_id = b.city_id, false)
        end as same_city,
        a.says_place,
        greatest(a.registrations, b.registrations) as registrations,
        greatest(a.cities, b.cities) as cities,
        coalesce(abs(a.founded_year - b.founded_year), 0) as years_apart,
        a.founded_year = b.founded_year as same_year,
        length(a.name_core) as core_length
    from blocks as a
    inner join blocks as b
        on
            a.name_core = b.name_core
            and a.record_key < b.record_key
            -- two registrations that differ are two firms, whatever they are called
            and coalesce(a.uscc, b.uscc, '') = coalesce(b.uscc, a.uscc, '')
    -- a name that so many bear says nothing
    where a.block_size <= 100 and a.is_branch = b.is_branch and not (a.is_former and b.is_former)
),

ruled as (
    select
        a,
        b,
        case
            -- a former name, unless another firm bears it now; a firm that moved kept its founding year
            when by_former then
                case
                    when same_city and years_apart <= 1 then if(same_name, 0.93, 0.85)
                    when same_city is null and years_apart <= 1 and registrations <= 1 and same_name then 0.9
                    when not same_city and years_apart <= 1 and registrations <= 1 and cities <= 1 and same_name then 0.84
                end
            when same_name and same_city then 0.98
            -- no place on one side: the name must say it, or be borne by one firm as far as any record knows
            when same_name and same_city is null and registrations <= 1 and (says_place or cities <= 1) then 0.92
            when same_name and same_city is null and says_place then 0.9
            -- another place: where a firm is registered and where it works differ
            when same_name and not same_city and registrations <= 1 and years_apart <= 1 and (says_place or (same_year and core_length >= 6))
                then 0.86
            -- another form of company: in one place, or by a name that says it
            when not same_name and same_city and years_apart <= 25 then 0.9
            when not same_name and same_city is null and says_place and registrations <= 1 and years_apart <= 25 then 0.84
        end as score,
        case
            when by_former then 'former_name'
            when same_name and same_city then 'name_city'
            when same_name and same_city is null then 'name'
            when same_name then 'name_only'
            when same_city then 'core_city'
            else 'core'
        end as match_rule,
        same_year,
        years_apart
    from compared
),

by_name as (
    select
        a,
        b,
        match_rule,
        -- a founding year that agrees makes it surer, one that does not makes it doubtful
        score + case when same_year then 0.005 when years_apart > 1 then -0.05 else 0.0 end as match_score
    from ruled
    where score is not null
),

by_english as (
    select
        a.record_key as a,
        b.record_key as b,
        'name_en' as match_rule,
        0.88 as match_score
    from records as a
    inner join records as b
        on a.name_en_key = b.name_en_key and a.record_key < b.record_key and a.source_id != b.source_id
    where
        length(a.name_en_key) >= 4
        and coalesce(a.uscc, b.uscc, '') = coalesce(b.uscc, a.uscc, '')
        -- two Chinese names that differ are believed before one English name
        and (a.name_key is null or b.name_key is null)
        and coalesce(a.city_id = b.city_id, true)
),

-- a branch without a registration of its own is its firm
by_branch as (
    select
        p.record_key as a,
        b.record_key as b,
        'branch' as match_rule,
        0.84 as match_score
    from records as b
    inner join records as p on b.branch_of_key = p.name_key and not p.is_branch
    inner join borne as n on b.name_key = n.name_key
    -- a branch that any record knows under a registration of its own is no part of its firm
    where n.registrations = 0
),

united as (
    select * from by_uscc
    union all
    select * from by_lei
    union all
    select * from by_code
    union all
    select * from by_name
    union all
    select * from by_english
    union all
    select * from by_branch
)

select
    a,
    b,
    arg_max(match_rule, (match_score, match_rule)) as match_rule,
    max(match_score)::double as match_score
from united
where a != b
group by a, b
