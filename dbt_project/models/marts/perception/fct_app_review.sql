select
    review_key,
    store,
    app_id,
    'ZZ' as territory_code,
    written_at,
    written_on,
    rating,
    has_text,
    language,
    app_version,
    -- The App Store does not tell answers.
    case when store = 'play' then answered_at is not null end as is_answered,
    answered_at,
    answered_on,
    source_load_id
from {{ ref('stg_app_stores__review') }}
