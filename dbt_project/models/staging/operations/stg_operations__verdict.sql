select
    verdict_id,
    signal_id,
    verdict,
    author_role,
    note,
    cast(decided_at as timestamp) as decided_at,
    topic_code,
    crisis_kind,
    territory_code,
    cast(severity as integer) as severity,
    cast(signal_opened_at as timestamp) as signal_opened_at,
    _dlt_load_id as source_load_id
from {{ source('operations', 'verdicts') }}
