select
    audience_key,
    tool,
    site,
    cast(concat(month, '-01') as date) as month_start,
    device_type as device_kind,
    os_group as operating_system,
    browser_group as browser,
    browser_language,
    visits,
    unique_visitors,
    daily_visitors,
    bounces,
    time_spent_seconds,
    _dlt_load_id as source_load_id
from {{ source('audience', 'devices_visits') }}
