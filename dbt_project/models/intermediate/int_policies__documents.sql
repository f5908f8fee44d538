-- One row per policy document over all sources: reposts are one row, each field from the first of its records that has
-- it, and the days between which it is in force. Three dates stand apart: issued, published, valid.
with members as (
    select
        m.policy_id,
        m.place_in_cluster,
        m.is_text,
        r.*
    from {{ ref('int_policies__members') }} as m
    inner join {{ ref('int_policies__records') }} as r on m.record_key = r.record_key
),

merged as (
    select
        policy_id,
        arg_min(source_id, place_in_cluster) as source_id,
        arg_min(issuer, place_in_cluster) filter (where issuer is not null) as issuer,
        arg_min(level, place_in_cluster) filter (where level is not null) as level,
        arg_min(place_id, place_in_cluster) filter (where place_id is not null) as place_id,
        arg_min(place, place_in_cluster) filter (where place is not null) as place,
        arg_min(title_zh, place_in_cluster) as title_zh,
        arg_min(title_key, place_in_cluster) as title_key,
        arg_min(title_is_back_translated, place_in_cluster) as title_is_back_translated,
        arg_min(title_en, place_in_cluster) filter (where title_en is not null) as title_en,
        arg_min(doc_no, place_in_cluster) filter (where doc_no is not null) as doc_no,
        arg_min(doc_no_key, place_in_cluster) filter (where doc_no_key is not null) as doc_no_key,
        arg_min(issued_on, place_in_cluster) filter (where issued_on is not null) as issued_on,
        arg_min(issued_precision, place_in_cluster) filter (where issued_on is not null) as issued_precision,
        min(published_on) as published_on,
        arg_min(valid_from, place_in_cluster) filter (where valid_from is not null) as valid_from,
        arg_min(valid_to, place_in_cluster) filter (where valid_to is not null) as valid_to,
        arg_min(stated_status, place_in_cluster) filter (where stated_status <> 'unknown') as stated_status,
        -- the day to which the source speaks that states it: files that came later say nothing of it
        arg_min(stated_on, place_in_cluster) filter (where stated_status <> 'unknown') as stated_on,
        bool_or(is_expired) as is_expired,
        bool_or(is_abolished) as is_abolished,
        min(flag_seen_on) as flag_seen_on,
        -- the newest look that shows it in force: a site's flag that says so, or the first look before a mark came
        max(case
            when flag_seen_on > first_seen then first_seen
            when flag_seen_on is null and (not is_expired or not is_abolished) then last_seen
        end) as unmarked_seen_on,
        arg_min(doc_type, place_in_cluster) filter (where doc_type <> 'other') as doc_type,
        arg_min(kind, place_in_cluster) as kind,
        bool_and(is_draft) as is_draft,
        arg_min(text_kind, place_in_cluster) filter (where is_text) as text_kind,
        arg_min(record_key, place_in_cluster) filter (where is_text) as text_record_key,
        arg_min(url, place_in_cluster) filter (where url is not null) as url,
        arg_min(support, place_in_cluster) as support,
        arg_min_null(source_tier, place_in_cluster) as source_tier,
        arg_min_null(support_note, place_in_cluster) as support_note,
        arg_min(confidence, place_in_cluster) as confidence,
        count(*)::integer as n_sources,
        min(first_seen) as first_seen
    from members
    group by policy_id
),

dated as (
    select
        *,
        coalesce(
            {{ first_day('valid_from') }}, {{ first_day('issued_on') }}, {{ first_day('published_on') }}
        ) as in_force_from,
        case
            when valid_from is not null then 'valid_from'
            when issued_on is not null then 'issued_on'
            when published_on is not null then 'published_on'
        end as in_force_from_basis
    from merged
),

repeals as (
    select
        e.to_policy_id as policy_id,
        arg_min(f.policy_id, (f.in_force_from, f.policy_id)) as repealed_by,
        min(f.in_force_from) as repealed_from
    from {{ ref('int_policies__edges') }} as e
    inner join dated as f on e.from_policy_id = f.policy_id
    inner join dated as t on e.to_policy_id = t.policy_id
    where e.edge_type in ('abolishes', 'supersedes') and f.in_force_from > t.in_force_from
    group by e.to_policy_id
),

bounded as (
    select
        d.*,
        r.repealed_by,
        {{ last_day_of('d.valid_to') }} as stated_end,
        r.repealed_from - 1 as repealed_end,
        -- marked out of force, on a day that nobody states
        case
            when (d.is_expired or d.is_abolished) and r.repealed_from is null and d.valid_to is null
                then coalesce(try_cast(left(d.flag_seen_on, 10) as date), try_cast(left(d.stated_on, 10) as date), b.as_of)
        end as out_of_force_by,
        case
            when d.stated_status = 'in_force' then try_cast(left(d.stated_on, 10) as date)
            else try_cast(left(d.unmarked_seen_on, 10) as date)
        end as in_force_seen,
        b.as_of
    from dated as d
    cross join {{ ref('int_build') }} as b
    left join repeals as r on d.policy_id = r.policy_id
),

derived as (
    select
        from_policy_id as policy_id,
        bool_or(to_level = 'national' or to_policy_id is null) as is_reissue,
        arg_min(coalesce(to_policy_id, to_text), edge_no) as derives_from
    from {{ ref('int_policies__edges') }}
    where edge_type = 'derives_from'
    group by from_policy_id
)

select
    d.* exclude (stated_end, repealed_end, as_of, doc_type, stated_status, stated_on, unmarked_seen_on),
    coalesce(d.doc_type, 'other') as doc_type,
    try_cast(left(coalesce(d.issued_on, d.published_on), 4) as integer) as year,
    try_cast(left(d.issued_on, 4) as integer) as issued_year,
    least(d.stated_end, d.repealed_end) as in_force_to,
    case
        when least(d.stated_end, d.repealed_end) is null then case when d.out_of_force_by is not null then 'mark' end
        when d.repealed_end is not null and d.repealed_end <= coalesce(d.stated_end, d.repealed_end) then 'repealed_by'
        else 'valid_to'
    end as in_force_to_basis,
    case
        when d.stated_status in ('expired', 'repealed') then d.stated_status
        when d.is_abolished or (d.repealed_end < d.as_of and d.repealed_end <= coalesce(d.stated_end, d.repealed_end)) then 'repealed'
        when d.is_expired or d.stated_end < d.as_of then 'expired'
        when d.in_force_from > d.as_of then 'not_yet'
        when d.stated_status is not null then d.stated_status
        when d.stated_end is not null and d.in_force_from <= d.as_of then 'in_force'
        when d.in_force_seen is not null and d.in_force_from <= d.as_of then 'in_force'
        else 'unknown'
    end as status,
    f.derives_from,
    coalesce(f.is_reissue, false) as is_reissue,
    -- what the marts count, and where: a district's documents count for its city
    {{ is_measure("coalesce(d.doc_type, 'other')") }} and not d.is_draft
    and d.place_id is not null and d.place_id <> '100000'
    and try_cast(left(coalesce(d.issued_on, d.published_on), 4) as integer) is not null as is_counted,
    case
        when d.level = 'district' and left(d.place_id, 2) in ('11', '12', '31', '50') then left(d.place_id, 2) || '0000'
        when d.level = 'district' then left(d.place_id, 4) || '00'
        else d.place_id
    end as counted_place_id
from bounded as d
left join derived as f on d.policy_id = f.policy_id
