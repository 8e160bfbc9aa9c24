select
    load_key,
    entity,
    origin_kind,
    cast(finished_at as timestamp) as finished_at
from {{ source('listening', 'load_log') }}
