select
    audience_key,
    tool,
    site,
    cast(concat(month, '-01') as date) as month_start,
    src as source_kind,
    src_detail as source_name,
    src_referrer_url as referrer_address,
    visits,
    unique_visitors,
    daily_visitors,
    bounces,
    time_spent_seconds,
    _dlt_load_id as source_load_id
from {{ source('audience', 'sources_visits') }}
