{{ config(alias='supplied') }}
-- One row per record of a file that a user supplied: what it added, corrected or lost against, and why; record 0 speaks of a
-- file as a whole. Computed from the models that decide. Of registers of firms, the records of the sector.
with files as (
    select
        partition,
        file,
        split_part(file, '/', 1) as kind,
        outcome,
        message
    from {{ source('_meta', 'accounts') }}
    where source = 'inbox'
),

plants as (
    select
        p.partition,
        p.record_no,
        'plant' as entity_table,
        coalesce(p.listed_plant_id, k.record_id, p.record_id) as entity_id,
        p.outcome,
        p.columns_changed,
        p.columns_lost,
        p.source_url,
        p.supplied_values,
        p.listed_values,
        p.reason,
        case when p.listed_plant_id is not null then 'curated_plants/' || p.listed_plant_id end as against,
        case when p.outcome = 'lost' and p.listed_plant_id is null then p.against_partition end as against_partition,
        p.against_record_no
    from {{ ref('int_plants__supplied') }} as p
    left join {{ ref('int_plants__supplied') }} as k on p.against_partition = k.partition and p.against_record_no = k.record_no
),

output as (
    select
        partition,
        record_no,
        'mart_cluster' as entity_table,
        located_adcode || ':' || year || ':' || product as entity_id,
        outcome,
        columns_changed,
        columns_lost,
        source_url,
        supplied_values,
        listed_values,
        reason,
        case when outcome <> 'added' and listed_record_id is not null then 'curated_output/' || listed_record_id end as against,
        case
            when outcome = 'lost' and (against_partition <> partition or against_record_no <> record_no) then against_partition
        end as against_partition,
        against_record_no
    from {{ ref('int_city__output_supplied') }}
),

-- firms: a record is one among those that who-is-who put together; each cell of a firm comes from the record that speaks first
firm_records as (
    select
        i.partition,
        i.record_no,
        i.partition || '/' || i.record_id as source_record_id
    from {{ ref('stg_inbox__firms_sector') }} as i
    union all
    select
        partition,
        record_no,
        'listed:' || stock_code as source_record_id
    from {{ ref('stg_inbox__listed_sector') }}
    where in_sector
    union all
    select
        partition,
        record_no,
        'miit:' || company_key as source_record_id
    from {{ ref('stg_inbox__miit_products') }}
    union all
    select
        partition,
        record_no,
        'admission:' || coalesce(uscc, company_key) as source_record_id
    from {{ ref('stg_inbox__admission_lists') }}
),

supplied_firms as (
    select distinct firm_id from {{ ref('int_firms__links') }} where source_id = 'inbox'
),

firm_members as (
    select
        l.firm_id,
        l.source_id as record_source,
        l.source_record_id,
        r.name_zh,
        r.uscc,
        r.lei,
        r.city_id,
        r.founded_on,
        r.status,
        r.stock_codes as stock_code,
        row_number() over (partition by l.firm_id order by {{ firm_first('r') }}) as place_in_line
    from {{ ref('int_firms__links') }} as l
    inner join {{ ref('int_firms__records') }} as r on l.record_key = r.record_key
    where l.firm_id in (select firm_id from supplied_firms)
),

-- what the sources that nobody supplied know of a firm
others as (
    select
        m.firm_id,
        arg_min(m.record_source || '/' || m.source_record_id, m.place_in_line) as first_record,
        arg_min(m.name_zh, m.place_in_line) filter (where m.name_zh is not null) as name_zh,
        arg_min(m.uscc, m.place_in_line) filter (where m.uscc is not null) as uscc,
        arg_min(m.lei, m.place_in_line) filter (where m.lei is not null) as lei,
        arg_min(m.city_id, m.place_in_line) filter (where m.city_id is not null) as city_id,
        arg_min(m.founded_on, m.place_in_line) filter (where m.founded_on is not null) as founded_on,
        arg_min(m.status, m.place_in_line) filter (where m.status is not null) as status,
        arg_min(m.stock_code, m.place_in_line) filter (where m.stock_code is not null) as stock_code
    from firm_members as m
    where m.record_source <> 'inbox'
    group by m.firm_id
),

-- of the supplied records the first, and the first that has each cell
first_supplied as (
    select
        firm_id,
        arg_min(source_record_id, place_in_line) as source_record_id,
        arg_min(source_record_id, place_in_line) filter (where name_zh is not null) as name_zh,
        arg_min(source_record_id, place_in_line) filter (where uscc is not null) as uscc,
        arg_min(source_record_id, place_in_line) filter (where lei is not null) as lei,
        arg_min(source_record_id, place_in_line) filter (where city_id is not null) as city_id,
        arg_min(source_record_id, place_in_line) filter (where founded_on is not null) as founded_on,
        arg_min(source_record_id, place_in_line) filter (where status is not null) as status,
        arg_min(source_record_id, place_in_line) filter (where stock_code is not null) as stock_code
    from firm_members
    where record_source = 'inbox'
    group by firm_id
),

firm_cells as (
    select
        m.source_record_id,
        m.firm_id,
        o.first_record,
        f.source_record_id = m.source_record_id as is_first,
        {{ supplied_cells(['name_zh', 'uscc', 'lei', 'city_id', 'founded_on', 'status', 'stock_code']) }}
    from firm_members as m
    inner join {{ ref('int_firms__resolved') }} as r on m.firm_id = r.firm_id
    inner join first_supplied as f on m.firm_id = f.firm_id
    left join others as o on m.firm_id = o.firm_id
    where m.record_source = 'inbox'
),

firms as (
    select
        i.partition,
        i.record_no,
        'firm' as entity_table,
        c.firm_id as entity_id,
        case
            when c.firm_id is null then 'left_out'
            when c.first_record is null and c.is_first then 'added'
            when c.columns_changed is not null then 'corrected'
            when c.columns_lost is not null then 'lost'
            else 'confirmed'
        end as outcome,
        case when c.first_record is not null or not c.is_first then c.columns_changed end as columns_changed,
        c.columns_lost,
        case
            when c.firm_id is null then 'nothing in it identifies a firm'
            when c.first_record is null and c.is_first then 'no other source has the firm'
            else concat_ws(
                '; ',
                case when c.columns_changed is not null then 'stands where no record that speaks before it knows it' end,
                case when c.columns_lost is not null then 'lost: a record that speaks first says otherwise' end,
                case when c.columns_lost is null and c.columns_changed is null then 'says what is known of the firm' end
            )
        end as reason,
        coalesce(c.first_record, case when not c.is_first then 'inbox/' || c.first_inbox end) as against,
        cast(null as varchar) as against_partition,
        cast(null as bigint) as against_record_no
    from firm_records as i
    left join (
        select
            x.*,
            f.source_record_id as first_inbox
        from firm_cells as x
        inner join first_supplied as f on x.firm_id = f.firm_id
    ) as c on i.source_record_id = c.source_record_id
),

other_listed as (
    select
        i.partition,
        i.record_no,
        'firm' as entity_table,
        cast(null as varchar) as entity_id,
        'left_out' as outcome,
        'not of the sector' as reason
    from {{ ref('stg_inbox__listed_companies') }} as i
    left join {{ ref('stg_inbox__listed_sector') }} as s on i.partition = s.partition and i.record_no = s.record_no and s.in_sector
    where s.record_no is null
    union all
    -- of a list of firms; of a register of millions only its sector is told of
    select
        i.partition,
        i.record_no,
        'firm' as entity_table,
        cast(null as varchar) as entity_id,
        'left_out' as outcome,
        'not of the sector' as reason
    from {{ ref('stg_inbox__firms') }} as i
    inner join {{ source('_meta', 'accounts') }} as a on a.source = 'inbox' and i.partition = a.partition and a.records_in <= 10000
    left join {{ ref('stg_inbox__firms_sector') }} as s on i.partition = s.partition and i.record_no = s.record_no
    where s.record_no is null
),

-- policies: records of one document are put together; another text of it is a version
policies as (
    select
        i.partition,
        i.record_no,
        'policy' as entity_table,
        m.policy_id as entity_id,
        case
            when m.policy_id is null then 'lost'
            when m.policy_id = m.record_id then 'added'
            when m.is_text then 'corrected'
            else 'confirmed'
        end as outcome,
        case when m.policy_id <> m.record_id and m.is_text then 'text' end as columns_changed,
        i.source_url,
        case
            when m.policy_id is null then 'another record has the same document and text and stands'
            when m.policy_id = m.record_id then 'no record before it has the document'
            when m.is_text then 'its text is the fullest, or the newest, that is known of the document'
            else 'the document is known, with a text that is fuller or newer'
        end as reason,
        case when m.policy_id <> m.record_id then m.policy_id end as against
    from {{ ref('stg_inbox__policies') }} as i
    left join {{ ref('int_policies__records') }} as r on i.partition = r.supplied_partition and i.record_id = r.supplied_record_id
    left join {{ ref('int_policies__members') }} as m on r.record_key = m.record_key
),

-- parents: who controls whom
stated_parents as (
    select
        p.*,
        row_number() over w as place_in_line,
        first_value(p.partition) over w as first_partition,
        first_value(p.record_no) over w as first_record_no,
        {{ at_least('coalesce(p.share, 1)', '0.5') }} as is_control,
        coalesce(p.valid_to < cast(b.as_of as varchar), false) as is_over,
        {{ name_key('p.child_name') }} as name_key
    from {{ ref('stg_inbox__parents') }} as p
    cross join {{ ref('int_build') }} as b
    window
        w as (
            partition by
                coalesce(p.child_uscc, p.child_lei, {{ name_key('p.child_name') }}),
                {{ at_least('coalesce(p.share, 1)', '0.5') }} and not coalesce(p.valid_to < cast(b.as_of as varchar), false)
            order by p.valid_from desc nulls last, {{ supplied_first('p') }}
        )
),

children as (
    select
        p.partition,
        p.record_no,
        min(l.firm_id) as firm_id
    from stated_parents as p
    inner join {{ ref('int_firms__records') }} as r
        on p.child_uscc = r.uscc or p.child_lei = r.lei or p.name_key = r.name_key
    inner join {{ ref('int_firms__links') }} as l on r.record_key = l.record_key
    group by p.partition, p.record_no
),

parents as (
    select
        p.partition,
        p.record_no,
        'firm' as entity_table,
        c.firm_id as entity_id,
        case
            when not p.is_control or p.is_over or c.firm_id is null then 'left_out'
            when p.place_in_line > 1 then 'lost'
            when k.group_name is null then 'corrected'
            when {{ name_key('k.group_name', simplify=false) }} = {{ name_key('g.group_name') }} then 'confirmed'
            else 'lost'
        end as outcome,
        case when p.is_control and not p.is_over and p.place_in_line = 1 and c.firm_id is not null and k.group_name is null then 'group_name' end
            as columns_changed,
        case
            when
                p.is_control and not p.is_over and p.place_in_line = 1
                and {{ name_key('k.group_name', simplify=false) }} <> {{ name_key('g.group_name') }}
                then 'group_name'
        end as columns_lost,
        case
            when not p.is_control then 'a stake below one half is no control'
            when p.is_over then 'the statement has ended'
            when c.firm_id is null then 'no firm is known by the name or code of the child'
            when p.place_in_line > 1 then 'a newer statement on the same child stands'
            when k.group_name is null then 'no list names a group'
            else 'the curated list names the group'
        end as reason,
        case when k.group_name is not null then 'curated_firms/' || k.firm_id end as against,
        case when p.is_control and not p.is_over and p.place_in_line > 1 then p.first_partition end as against_partition,
        p.first_record_no as against_record_no
    from stated_parents as p
    left join children as c on p.partition = c.partition and p.record_no = c.record_no
    left join {{ ref('stg_curated_firms__firms') }} as k on c.firm_id = k.firm_id
    left join {{ ref('int_firms__groups_brought') }} as g on coalesce(p.child_uscc, p.child_lei, 'name:' || p.name_key) = g.firm_key
),

quarantined as (
    select
        partition,
        record as record_no,
        'quarantined' as outcome,
        reason
    from {{ source('_quarantine', 'records') }}
    where source = 'inbox' and record is not null
),

whole_files as (
    select
        partition,
        0 as record_no,
        case outcome when 'withdrawn' then 'withdrawn' when 'double' then 'repeated' else 'quarantined' end as outcome,
        message as reason
    from files
    where outcome in ('withdrawn', 'double', 'rejected', 'blocked', 'failed')
),

united as (
    select * from plants
    union all by name
    select * from output
    union all by name
    select * from firms
    union all by name
    select * from other_listed
    union all by name
    select * from policies
    union all by name
    select * from parents
    union all by name
    select * from quarantined
    union all by name
    select * from whole_files
)

select
    u.partition,
    u.record_no::bigint as record_no,
    f.file,
    f.kind,
    u.entity_table,
    u.entity_id,
    u.outcome,
    u.columns_changed,
    u.columns_lost,
    u.supplied_values,
    u.listed_values,
    u.source_url,
    coalesce(u.against, a.file || ' record ' || u.against_record_no) as against,
    u.reason
from united as u
left join files as f on u.partition = f.partition
left join files as a on u.against_partition = a.partition
