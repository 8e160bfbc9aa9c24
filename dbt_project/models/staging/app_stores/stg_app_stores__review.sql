select
    review_key,
    store,
    app_id,
    review_id,
    cast(written_at as timestamp) as written_at,
    {{ paris_day('written_at') }} as written_on,
    rating,
    title is not null or text is not null as has_text,
    language,
    app_version,
    app_version_code,
    votes_up,
    votes_down,
    votes_total,
    cast(developer_answered_at as timestamp) as answered_at,
    {{ paris_day('developer_answered_at') }} as answered_on,
    _dlt_load_id as source_load_id
from {{ source('app_stores', 'reviews') }}
