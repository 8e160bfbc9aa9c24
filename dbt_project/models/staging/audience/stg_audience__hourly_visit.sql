select
    audience_key,
    tool,
    site,
    cast(date as date) as visited_on,
    visit_hour,
    is_hour_known,
    site_level2 as sub_site,
    visits,
    unique_visitors,
    daily_visitors,
    bounces,
    time_spent_seconds,
    _dlt_load_id as source_load_id
from {{ source('audience', 'hourly_visits') }}
