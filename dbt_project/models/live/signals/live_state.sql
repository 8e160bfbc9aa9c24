-- One row per live platform: up to when it tells, when it was last loaded, and after how long that is too long ago.
with told as (
    select
        'listening' as platform,
        'Veille' as platform_label,
        max(collected_at) as data_until
    from {{ ref('stg_listening__mention') }}
    union all
    select
        'brigade_numerique' as platform,
        'Tchat' as platform_label,
        max(contacted_at) as data_until
    from {{ ref('stg_brigade_numerique__contact') }}
),

-- Judging set-aside records anew, or loading past days again, brings no news from the platform.
loads as (
    select
        'listening' as platform,
        max(finished_at) as last_loaded_at
    from {{ ref('stg_listening__load') }}
    where entity = 'mentions' and origin_kind not in ('quarantine', 'window')
    union all
    select
        'brigade_numerique' as platform,
        max(finished_at) as last_loaded_at
    from {{ ref('stg_brigade_numerique__load') }}
    where entity = 'contacts' and origin_kind not in ('quarantine', 'window')
)

select
    told.platform,
    told.platform_label,
    cast(told.data_until as timestamp) as data_until,
    loads.last_loaded_at,
    platforms.late_after_minutes,
    cast({{ dbt.current_timestamp() }} as timestamp) as built_at
from told
inner join loads on told.platform = loads.platform
inner join {{ ref('platforms') }} as platforms on told.platform = platforms.platform
