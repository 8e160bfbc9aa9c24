select
    platform,
    load_key,
    origin,
    origin_kind,
    sha256,
    entity,
    generation,
    rows_read,
    rows_new,
    rows_updated,
    rows_unchanged,
    rows_quarantined,
    rows_outdated,
    cast(started_at as timestamp) as started_at,
    cast(finished_at as timestamp) as finished_at
from {{ source('platforms', 'loads') }}
