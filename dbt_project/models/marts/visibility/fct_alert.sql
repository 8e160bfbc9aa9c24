select
    alert_id,
    channel,
    signal_id,
    topic_code,
    crisis_kind,
    territory_code,
    severity,
    signal_opened_at,
    created_at,
    {{ paris_day('created_at') }} as created_on,
    sent_at,
    sent_at is not null as is_sent,
    cast({{ dbt.datediff('created_at', 'sent_at', 'second') }} as bigint) as waited_seconds,  -- noqa: LT05
    attempts,
    message_id,
    source_load_id
from {{ ref('stg_operations__alert') }}
