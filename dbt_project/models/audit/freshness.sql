with loads as (
    select
        platform,
        entity,
        max(finished_at) as last_loaded_at
    from {{ ref('stg_platforms__load') }}
    -- Judging set-aside records anew brings no news from the platform.
    where origin_kind <> 'quarantine'
    group by platform, entity
),

records as (
    select
        'services_publics_plus' as platform,
        max(published_on) as data_as_of,
        count(experience_id) as rows
    from {{ ref('fct_experience') }}
    union all
    select
        'listening' as platform,
        max(published_on) as data_as_of,
        count(mention_id) as rows
    from {{ ref('fct_mention') }}
    union all
    select
        'brigade_numerique' as platform,
        max(contacted_on) as data_as_of,
        count(contact_key) as rows
    from {{ ref('fct_chat_contact') }}
    union all
    select
        'audience' as platform,
        max(visited_on) as data_as_of,
        count(audience_key) as rows
    from {{ ref('fct_audience_hour') }}
    union all
    select
        'social_accounts' as platform,
        max(counted_on) as data_as_of,
        count(metric_key) as rows
    from {{ ref('fct_social_account_day') }}
    union all
    select
        'pre_plainte' as platform,
        max(began_on) as data_as_of,
        count(declaration_id) as rows
    from {{ ref('fct_pre_complaint') }}
    union all
    select
        'partoo' as platform,
        max(counted_on) as data_as_of,
        count(presence_key) as rows
    from {{ ref('fct_listing_presence') }}
),

dated as (
    select
        platforms.platform,
        platforms.title,
        platforms.pillar,
        platforms.owner,
        loads.last_loaded_at,
        cast(
            {{ dbt.dateadd('minute', 'platforms.late_after_minutes', 'loads.last_loaded_at') }} as timestamp
        ) as late_at,
        records.data_as_of,
        coalesce(records.rows, 0) as rows
    from {{ ref('platforms') }} as platforms
    left join loads on platforms.platform = loads.platform and platforms.main_entity = loads.entity
    left join records on platforms.platform = records.platform
)

select
    platform,
    title,
    pillar,
    owner,
    last_loaded_at,
    late_at,
    data_as_of,
    cast(rows as bigint) as rows,
    -- A platform that was never loaded is late too.
    coalesce(late_at < cast({{ dbt.current_timestamp() }} as timestamp), true) as is_late
from dated
