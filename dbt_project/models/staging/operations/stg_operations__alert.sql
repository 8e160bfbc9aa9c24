select
    alert_id,
    channel,
    cast(created_at as timestamp) as created_at,
    cast(sent_at as timestamp) as sent_at,
    attempts,
    signal_id,
    topic_code,
    crisis_kind,
    territory_code,
    cast(severity as integer) as severity,
    cast(signal_opened_at as timestamp) as signal_opened_at,
    message_id,
    _dlt_load_id as source_load_id
from {{ source('operations', 'outbox') }}
where signal_id is not null  -- a report on the platform itself is no alert
