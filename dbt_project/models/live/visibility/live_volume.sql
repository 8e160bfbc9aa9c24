select
    volume_id,
    vendor,
    vendor_query,
    bin_started_at,
    bin_interval,
    breakdown,
    breakdown_value,
    mentions,
    source_load_id
from {{ ref('stg_listening__volume') }}
