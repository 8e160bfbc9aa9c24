select
    crisis_id,
    title,
    kind as crisis_kind,
    status,
    cast(opened_at as timestamp) as opened_at,
    cast(closed_at as timestamp) as closed_at,
    territories,
    topics,
    owner,
    _dlt_load_id as source_load_id
from {{ source('operations', 'crises') }}
