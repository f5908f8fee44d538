-- One row per policy document of every source; reposts are clustered by their source. A document that a person brought
-- counts once, however many files hold it; one with the number of a curated document is that document.
with curated as (
    select
        policy_id,
        'curated_policies' as source,
        issuer,
        level,
        adcode,
        place,
        title_zh,
        title_is_back_translated,
        title_en,
        doc_no,
        issued_on,
        issued_precision,
        try_cast(left(issued_on, 4) as integer) as issued_year,
        published_on,
        valid_from,
        valid_to,
        status,
        doc_type,
        derives_from,
        text_kind,
        url,
        -- the word before the colon is how far the fact is supported; what follows it is where
        regexp_extract(support, '^[a-z]+') as support,
        confidence
    from {{ ref('stg_curated_policies__policies') }}
),

brought as (
    select
        i.record_id as policy_id,
        'inbox' as source,
        i.issuer,
        i.level,
        coalesce(
            i.adcode, n.city_adcode, p.province_adcode, case when i.level = 'national' then '100000' end
        ) as adcode,
        i.place,
        i.title_zh,
        false as title_is_back_translated,
        cast(null as varchar) as title_en,
        i.doc_no,
        cast(i.issue_date as varchar) as issued_on,
        i.issue_precision as issued_precision,
        try_cast(left(cast(i.issue_date as varchar), 4) as integer) as issued_year,
        cast(null as varchar) as published_on,
        cast(i.valid_from as varchar) as valid_from,
        cast(i.valid_to as varchar) as valid_to,
        case when try_cast(cast(i.valid_to as varchar) as date) < b.as_of then 'expired' else 'unknown' end as status,
        'norm' as doc_type,
        cast(null as varchar) as derives_from,
        case when i.content_zh is null then 'title_only' else 'full' end as text_kind,
        i.source_url as url,
        'derived' as support,
        'medium' as confidence
    from {{ ref('stg_inbox__policies') }} as i
    left join {{ ref('int_city_names') }} as n on lower(i.place) = n.alias
    left join {{ ref('provinces') }} as p on i.place in (p.name_zh, p.name_zh_short, p.name_en)
    cross join {{ ref('int_build') }} as b
    qualify row_number() over (partition by i.record_id order by i.fetched_at desc, i.partition) = 1
)

select * from curated
union all by name
select * from brought
where doc_no is null or doc_no not in (select doc_no from curated where doc_no is not null)
