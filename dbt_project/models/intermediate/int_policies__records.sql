-- One row per record of a policy document in a source, as it stands now, with the place that issued it: a site of a city
-- also shows the texts of the province and of the nation, and their place is their issuer's, not the site's.
with stated as (
    -- what the curated row says of its force, else what its dates say on the day to which this version speaks
    select
        p.* exclude (status),
        case
            when p.status <> 'unknown' then p.status
            when p.valid_to < cast(b.as_of as varchar) then 'expired'
            when p.valid_to is not null then 'in_force'
            when p.valid_from <= cast(b.as_of as varchar) and regexp_matches(p.title_zh, '条例|规定|办法|规范') then 'in_force'
            else 'unknown'
        end as status
    from {{ ref('stg_curated_policies__policies') }} as p
    cross join {{ ref('int_build') }} as b
),

curated as (
    select
        'curated_policies' as source_id,
        policy_id as record_id,
        0 as priority,
        issuer,
        level,
        place_id,
        place,
        title_zh,
        title_key,
        title_is_back_translated,
        title_en,
        doc_no,
        doc_no_norm as doc_no_key,
        -- a number from memory may be another document's: it joins two records only beside their titles
        doc_no_support = 'sourced' as doc_no_certain,
        issued_on,
        issued_precision,
        published_on,
        valid_from,
        valid_to,
        status as stated_status,
        case when status = 'expired' then true end as is_expired,
        case when status = 'repealed' then true end as is_abolished,
        cast(null as varchar) as flag_seen_on,
        doc_type,
        derives_from as derives_from_ref,
        cast(null as varchar) as derives_from_no,
        cast([] as varchar[]) as abolishes,
        coalesce(string_split(supersedes, ';'), []) as supersedes,
        text_kind,
        content,
        content_sha256,
        url,
        support,
        source_tier,
        support_note,
        confidence,
        cast(null as varchar) as first_seen,
        cast(null as varchar) as last_seen,
        _fetched_at as stated_on
    from stated
),

brought as (
    select
        'inbox' as source_id,
        -- the natural key names the record that stands; another text of the same document keeps its own beside it
        if(
            row_number() over (partition by i.record_id order by {{ supplied_first('i') }}, n.city_id, p.province_id) = 1, i.record_id, i.record_id || '@' || i.partition
        ) as record_id,
        i.record_id as supplied_record_id,
        i.partition as supplied_partition,
        row_number() over (order by i.as_of nulls first, i.partition, i.record_no desc) as supplied_order,
        case when f.doc_no is null then 4 else 2 end as priority,
        i.issuer,
        case i.level
            when '国家' then 'national' when '中央' then 'national' when '省' then 'province' when '省级' then 'province'
            when '市' then 'city' when '市级' then 'city' else i.level
        end as level,
        coalesce(i.place_id, n.city_id, p.province_id, case when i.level in ('national', '国家', '中央') then '100000' end) as place_id,
        i.place,
        i.title_zh,
        f.title_key,
        false as title_is_back_translated,
        cast(null as varchar) as title_en,
        i.doc_no,
        f.doc_no as doc_no_key,
        true as doc_no_certain,
        cast(i.issue_date as varchar) as issued_on,
        i.issue_precision as issued_precision,
        cast(null as varchar) as published_on,
        f.valid_from,
        f.valid_to,
        'unknown' as stated_status,
        f.is_expired,
        f.is_abolished,
        case when f.is_expired or f.is_abolished then i.as_of end as flag_seen_on,
        f.doc_type,
        f.derives_from_title as derives_from_ref,
        f.derives_from_no,
        coalesce(from_json(f.abolishes, '["varchar"]'), []) as abolishes,
        coalesce(from_json(f.supersedes, '["varchar"]'), []) as supersedes,
        case when i.content_zh is null then 'title_only' else 'full' end as text_kind,
        i.content_zh as content,
        f.content_sha256,
        i.source_url as url,
        'derived' as support,
        cast(null as varchar) as source_tier,
        cast(null as varchar) as support_note,
        'medium' as confidence,
        -- when the text was known: as the file says, and not when it was read
        i.as_of as first_seen,
        i.as_of as last_seen
    from {{ ref('stg_inbox__policies') }} as i
    inner join {{ ref('stg_inbox__policy_facts') }} as f on i.record_id = f.policy_id and i.partition = f.partition
    left join {{ ref('int_city_names') }} as n on lower(i.place) = n.alias
    left join {{ ref('provinces') }} as p on i.place in (p.name_zh, p.name_zh_short, p.name_en)
    qualify row_number() over (partition by i.record_id, f.content_sha256 order by {{ supplied_first('i') }}) = 1
),

released as (
    select
        'policy_releases' as source_id,
        d.record_id,
        case when d.doc_no is null then 3 else 1 end as priority,
        d.issuer,
        d.level,
        d.place_id,
        d.place,
        d.title_zh,
        d.title_key,
        false as title_is_back_translated,
        case when d.language = 'en' then d.title_zh end as title_en,
        d.doc_no,
        d.doc_no as doc_no_key,
        true as doc_no_certain,
        d.issued_on,
        d.issued_precision,
        d.published_on,
        d.valid_from,
        d.valid_to,
        'unknown' as stated_status,
        d.is_expired,
        d.is_abolished,
        d.flag_seen_on,
        d.doc_type,
        d.derives_from_title as derives_from_ref,
        d.derives_from_no,
        coalesce(from_json(d.abolishes, '["varchar"]'), []) as abolishes,
        coalesce(from_json(d.supersedes, '["varchar"]'), []) as supersedes,
        d.text_kind,
        d.content_zh as content,
        d.content_sha256,
        d.url,
        'sourced' as support,
        'official' as source_tier,
        cast(null as varchar) as support_note,
        'high' as confidence,
        min(d.first_seen) over (partition by d.record_id) as first_seen,
        d.last_seen
    from {{ ref('stg_policy_releases__documents') }} as d
    qualify d.is_current and row_number() over (partition by d.record_id order by d.is_current desc, d.last_seen desc, d.partition) = 1
),

records as (
    select * from curated
    union all by name
    select * from brought
    union all by name
    select * from released
),

-- who issued it, where the record is a copy on somebody else's site
national as (
    select
        source_id,
        record_id
    from records
    where
        source_id <> 'curated_policies' and level is distinct from 'national'
        and (
            regexp_matches(coalesce(doc_no_key, ''), '^(国发|国办|国函|国令|财建|财税|财关税|财综|财金|发改|工信|国能|商建|商消费|交运|公通字|公交管|国科|建城|中办|中发)')
            or regexp_matches(coalesce(issuer, title_zh), '^(中共中央|国务院|财政部|工业和信息化部|科学技术部|科技部|商务部|交通运输部|公安部|生态环境部|住房和?城乡建设部|国家发展|国家能源|国家市场|市场监管总局|国家标准)')
            or (regexp_matches(coalesce(issuer, title_zh), '^(国家)?税务总局') and not regexp_matches(coalesce(issuer, title_zh), '^(国家)?税务总局[^关]{2,8}税务局'))
        )
),

place_names as (
    select
        city_id as place_id,
        name_zh,
        'city' as level
    from {{ ref('cities') }}
    union all
    select
        province_id as place_id,
        name_zh,
        'province' as level
    from {{ ref('provinces') }}
),

named_place as (
    select
        r.source_id,
        r.record_id,
        p.place_id,
        p.level,
        p.name_zh
    from records as r
    inner join place_names as p on starts_with(coalesce(r.issuer, r.title_zh), p.name_zh)
    where r.source_id <> 'curated_policies' and r.level in ('province', 'city', 'national')
    -- the four municipalities are both: they count as provinces, as the curated rows have them
    qualify row_number() over (partition by r.source_id, r.record_id order by length(p.name_zh) desc, p.level desc, p.place_id) = 1
),

issued as (
    select
        r.* exclude (level, place_id, place),
        r.place_id as site_adcode,
        case when n.record_id is not null then 'national' else coalesce(q.level, r.level) end as level,
        case when n.record_id is not null then '100000' else coalesce(q.place_id, r.place_id) end as place_id,
        case when n.record_id is not null then '全国' else coalesce(q.name_zh, r.place) end as place
    from records as r
    left join national as n on r.source_id = n.source_id and r.record_id = n.record_id
    left join named_place as q on r.source_id = q.source_id and r.record_id = q.record_id
)

select
    source_id || ':' || record_id as record_key,
    *,
    -- interpretations quote the title and number of what they explain: only records of one kind can be one document
    case when doc_type in ('call', 'result', 'interpretation', 'reply', 'news') then doc_type else 'text' end as kind,
    -- a draft and the text that came of it are two documents, whatever their titles share
    regexp_matches(title_zh, '征求意见稿|征求意见|草案|送审稿') as is_draft,
    {{ url_key('url') }} as url_key
from issued
