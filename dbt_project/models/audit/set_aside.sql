select
    platform,
    entity,
    origin,
    field,
    reason,
    cast(rows as bigint) as rows,
    first_line,
    first_at,
    last_at
from {{ ref('stg_platforms__set_aside') }}
