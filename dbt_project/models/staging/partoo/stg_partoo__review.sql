select
    id as review_id,
    business_id,
    org_id,
    partner,
    cast(date as timestamp) as written_at,
    {{ paris_day('date') }} as written_on,
    cast(update_date as timestamp) as changed_at,
    cast(delete_date as timestamp) as withdrawn_at,
    rating,
    recommended as is_recommended,
    title is not null or content is not null as has_text,
    state,
    cast(answered_at as timestamp) as answered_at,
    {{ paris_day('answered_at') }} as answered_on,
    comments_count as answers,
    _dlt_load_id as source_load_id
from {{ source('partoo', 'reviews') }}
