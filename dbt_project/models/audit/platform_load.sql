select
    load_key,
    platform,
    entity,
    origin,
    origin_kind,
    sha256,
    cast(started_at as timestamp) as started_at,
    cast(finished_at as timestamp) as finished_at,
    cast(rows_read as bigint) as rows_read,
    cast(rows_new as bigint) as rows_new,
    cast(rows_updated as bigint) as rows_updated,
    cast(rows_unchanged as bigint) as rows_unchanged,
    cast(rows_quarantined as bigint) as rows_quarantined,
    cast(coalesce(rows_outdated, 0) as bigint) as rows_outdated
from {{ ref('stg_platforms__load') }}
