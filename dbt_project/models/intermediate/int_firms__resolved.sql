-- One row per firm over all sources. Each cell comes from the record that speaks first: curated before brought before
-- live, and a cell that the first does not know from the next that does.
with members as (
    select
        l.firm_id,
        r.*,
        row_number() over (partition by l.firm_id order by {{ firm_first('r') }}) as place_in_line
    from {{ ref('int_firms__links') }} as l
    inner join {{ ref('int_firms__records') }} as r on l.record_key = r.record_key
),

firms as (
    select
        firm_id,
        arg_min(name_zh, place_in_line) filter (where name_zh is not null) as name_zh,
        arg_min(name_zh_short, place_in_line) filter (where name_zh_short is not null) as name_zh_short,
        arg_min(name_en, place_in_line) filter (where name_en is not null) as name_en,
        arg_min(uscc, place_in_line) filter (where uscc is not null) as uscc,
        arg_min(lei, place_in_line) filter (where lei is not null) as lei,
        arg_min(stock_codes, place_in_line) filter (where stock_codes is not null) as stock_code,
        arg_min(city_id, place_in_line) filter (where city_id is not null) as city_id,
        arg_min(place_rule, place_in_line) filter (where city_id is not null) as place_rule,
        arg_min(founded_on, place_in_line) filter (where founded_on is not null) as founded_on,
        arg_min(founded_year, place_in_line) filter (where founded_year is not null) as founded_year,
        arg_min(status, place_in_line) filter (where status is not null) as status,
        arg_min(status_year, place_in_line) filter (where status is not null) as status_year,
        arg_min(powertrain, place_in_line) filter (where powertrain is not null) as powertrain,
        arg_min(group_name, place_in_line) filter (where group_name is not null) as group_name,
        arg_min(source_id, place_in_line) filter (where group_name is not null) as group_source,
        count(distinct source_id) as n_sources,
        count(*) as n_records,
        count(distinct city_id) > 1 as place_conflict,
        arg_min(support, place_in_line) as support,
        arg_min_null(source_tier, place_in_line) as source_tier,
        arg_min(confidence, place_in_line) as confidence,
        arg_min(source_url, place_in_line) filter (where source_url is not null) as source_url
    from members
    group by firm_id
)

select
    f.firm_id,
    coalesce(f.name_zh, f.name_zh_short) as name_zh,
    f.name_zh_short,
    f.name_en,
    f.uscc,
    f.lei,
    f.stock_code,
    f.city_id,
    f.place_rule,
    f.place_conflict,
    f.founded_on,
    f.founded_year,
    f.status,
    f.status_year,
    coalesce(f.powertrain, 'unknown') as powertrain,
    -- a list's group speaks first, then the parent by LEI (its own group, if it has one); else a firm is its own group
    coalesce(
        'G_' || {{ group_key('f.group_name') }},
        case
            when p.parent_lei is not null
                then coalesce('G_' || {{ group_key('pf.group_name') }}, p.parent_firm_id, 'G_' || lower(p.parent_lei))
        end,
        f.firm_id
    ) as group_id,
    coalesce(f.group_name, pf.group_name, p.parent_name, pf.name_en, pf.name_zh) as group_name,
    coalesce(f.group_source, p.evidence) as group_evidence,
    f.n_sources,
    f.n_records,
    f.support,
    f.source_tier,
    f.confidence,
    f.source_url
from firms as f
left join {{ ref('int_firms__parents') }} as p on f.firm_id = p.firm_id and f.group_name is null
left join firms as pf on p.parent_firm_id = pf.firm_id
