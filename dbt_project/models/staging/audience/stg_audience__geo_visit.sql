select
    audience_key,
    tool,
    site,
    cast(concat(month, '-01') as date) as month_start,
    geo_country,
    geo_region,
    geo_city,
    visits,
    unique_visitors,
    daily_visitors,
    bounces,
    time_spent_seconds,
    _dlt_load_id as source_load_id
from {{ source('audience', 'geo_visits') }}
