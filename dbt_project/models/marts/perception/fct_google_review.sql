with loads as (
    select {{ paris_day('max(finished_at)') }} as loaded_on
    from {{ ref('stg_platforms__load') }}
    where
        platform = 'partoo'
        and entity = 'reviews'
        and origin_kind not in ('quarantine', 'window')
),

aged as (
    select
        reviews.*,
        -- Seen from the last load, not from the clock: the same data give the same age.
        cast(
            {{ dbt.datediff('reviews.written_on', 'loads.loaded_on', 'day') | trim }} as bigint
        ) as days_since_written
    from {{ ref('int_partoo_review') }} as reviews
    cross join loads
    where reviews.partner = 'google_my_business'
),

reviews as (
    select
        *,
        case when not is_answered then days_since_written end as unanswered_days
    from aged
)

select
    review_id,
    business_id,
    unit_code,
    unit_name,
    territory_code,
    written_at,
    written_on,
    changed_at,
    rating,
    has_text,
    is_answered,
    answered_at,
    answered_on,
    unanswered_days,
    case
        when unanswered_days < 7 then 'moins de 7 jours'
        when unanswered_days <= 30 then '7 à 30 jours'
        when unanswered_days > 30 then 'plus de 30 jours'
    end as unanswered_age,
    source_load_id
from reviews
