select
    platform,
    entity,
    origin,
    field,
    reason,
    rows,
    first_line,
    cast(first_at as timestamp) as first_at,
    cast(last_at as timestamp) as last_at
from {{ source('platforms', 'set_aside') }}
