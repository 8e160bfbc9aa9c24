select
    presence_key,
    business_id as listing_id,
    cast(date as date) as counted_on,
    metric,
    value as metric_count,
    _dlt_load_id as source_load_id
from {{ source('partoo', 'presence') }}
