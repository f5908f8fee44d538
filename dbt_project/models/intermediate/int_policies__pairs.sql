-- One row per pair of records that may be one document, with the rule that says so. Biased to keep apart: what is
-- proposed here is refused by the clustering where two different numbers would meet.
with records as (
    select
        *,
        length(title_key) >= 8 and not title_is_back_translated as title_tells
    from {{ ref('int_policies__records') }}
),

proposed as (
    select
        a.record_key as a,
        b.record_key as b,
        'canonical_url' as match_rule,
        1.0 as match_score
    from records as a
    inner join records as b on a.url_key = b.url_key and a.kind = b.kind and a.is_draft = b.is_draft and a.record_key < b.record_key
    -- a curated row cites the page where it was read, which may be one report on several documents
    where (a.source_id <> 'curated_policies' and b.source_id <> 'curated_policies') or a.title_key = b.title_key

    union all

    select
        a.record_key as a,
        b.record_key as b,
        'same_text' as match_rule,
        0.97 as match_score
    from records as a
    inner join records as b on a.content_sha256 = b.content_sha256 and a.kind = b.kind and a.is_draft = b.is_draft and a.record_key < b.record_key
    where length(a.content) >= 200 and a.text_kind = 'full' and b.text_kind = 'full'

    union all

    select
        a.record_key as a,
        b.record_key as b,
        case when a.place_id = b.place_id and a.doc_no_certain and b.doc_no_certain then 'number_and_place' else 'number_and_title' end as match_rule,
        0.95 as match_score
    from records as a
    inner join records as b on a.doc_no_key = b.doc_no_key and a.kind = b.kind and a.is_draft = b.is_draft and a.record_key < b.record_key
    where
        (a.place_id = b.place_id and a.doc_no_certain and b.doc_no_certain)
        or (
            a.title_tells and b.title_tells
            and (contains(a.title_key, b.title_key) or contains(b.title_key, a.title_key))
        )

    union all

    -- without a number on one side at least: the same title, place and day of issue; where a day is missing, published
    -- within a quarter of a year, since the same notice is issued anew every year
    select
        a.record_key as a,
        b.record_key as b,
        'title_and_place' as match_rule,
        0.9 as match_score
    from records as a
    inner join records as b on a.title_key = b.title_key and a.place_id = b.place_id and a.kind = b.kind and a.is_draft = b.is_draft and a.record_key < b.record_key
    where
        a.title_tells and b.title_tells
        and (a.doc_no_key is null or b.doc_no_key is null or a.doc_no_key = b.doc_no_key)
        and case
            when a.issued_on is not null and b.issued_on is not null
                then starts_with(a.issued_on, b.issued_on) or starts_with(b.issued_on, a.issued_on)
            else coalesce(
                abs(date_diff('day', {{ first_day('coalesce(a.issued_on, a.published_on)') }}, {{ first_day('coalesce(b.issued_on, b.published_on)') }})) <= 92,
                false
            )
        end
)

select
    a,
    b,
    arg_max(match_rule, (match_score, match_rule)) as match_rule,
    max(match_score)::double as match_score
from proposed
group by a, b
