select
    event_id,
    crisis_id,
    kind as event_kind,
    note,
    author_role,
    cast(happened_at as timestamp) as happened_at,
    _dlt_load_id as source_load_id
from {{ source('operations', 'crisis_events') }}
