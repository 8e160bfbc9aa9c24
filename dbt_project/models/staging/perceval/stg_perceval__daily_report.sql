select
    day as report_key,
    cast(day as date) as reported_on,
    count as reports,
    _dlt_load_id as source_load_id
from {{ source('perceval', 'daily_reports') }}
