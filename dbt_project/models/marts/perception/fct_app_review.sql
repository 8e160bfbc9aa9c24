select
    reviews.review_key,
    reviews.store,
    reviews.app_id,
    coalesce(apps.app_name, reviews.app_id) as app_name,
    'ZZ' as territory_code,
    reviews.written_at,
    reviews.written_on,
    reviews.rating,
    reviews.has_text,
    reviews.language,
    reviews.app_version,
    -- The App Store does not tell answers.
    case when reviews.store = 'play' then reviews.answered_at is not null end as is_answered,
    reviews.answered_at,
    reviews.answered_on,
    reviews.source_load_id
from {{ ref('stg_app_stores__review') }} as reviews
left join {{ ref('apps') }} as apps on reviews.app_id = apps.app_id
