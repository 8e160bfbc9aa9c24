-- One row per live platform: up to when it tells, and whether that is too long ago.
with told as (
    select
        'listening' as platform,
        'Veille' as platform_label,
        max(collected_at) as data_until,
        60 as late_after_minutes
    from {{ ref('stg_listening__mention') }}
    union all
    select
        'brigade_numerique' as platform,
        'Tchat' as platform_label,
        max(contacted_at) as data_until,
        2880 as late_after_minutes
    from {{ ref('stg_brigade_numerique__contact') }}
)

select
    platform,
    platform_label,
    cast(data_until as timestamp) as data_until,
    late_after_minutes,
    cast({{ dbt.current_timestamp() }} as timestamp) as built_at
from told
