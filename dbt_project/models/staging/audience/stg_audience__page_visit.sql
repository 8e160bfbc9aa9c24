select
    audience_key,
    tool,
    site,
    cast(concat(month, '-01') as date) as month_start,
    page,
    page_full_name,
    site_level2 as sub_site,
    visits,
    unique_visitors,
    daily_visitors,
    bounces,
    time_spent_seconds,
    _dlt_load_id as source_load_id
from {{ source('audience', 'pages_visits') }}
