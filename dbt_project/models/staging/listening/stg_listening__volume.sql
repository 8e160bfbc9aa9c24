select
    volume_id,
    vendor,
    vendor_query,
    cast(bin_start as timestamp) as bin_started_at,
    bin_interval,
    breakdown,
    breakdown_value,
    mentions,
    generation,
    _dlt_load_id as source_load_id
from {{ source('listening', 'volumes') }}
