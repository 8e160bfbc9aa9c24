-- Where each platform's latest day is read: table, key, day. A platform without a line has no model yet, and no figure.
{% set records = [
    ('app_stores', ref('fct_app_review'), 'review_key', 'written_on'),
    ('audience', ref('fct_audience_hour'), 'audience_key', 'visited_on'),
    ('brigade_numerique', ref('fct_chat_contact'), 'contact_key', 'contacted_on'),
    ('cybermalveillance', ref('fct_assistance'), 'assistance_key', 'diagnosed_on'),
    ('jdma', ref('fct_jdma_review'), 'review_id', 'begun_on'),
    ('listening', ref('fct_mention'), 'mention_id', 'published_on'),
    ('ma_securite', ref('fct_news_item'), 'news_id', 'created_on'),
    ('partoo', ref('fct_listing_presence'), 'presence_key', 'counted_on'),
    ('perceval', ref('fct_perceval_day'), 'day_key', 'reported_on'),
    ('pre_plainte', ref('fct_pre_complaint'), 'declaration_id', 'began_on'),
    ('prevention_actions', ref('fct_prevention_action'), 'action_id', 'started_on'),
    ('services_publics_plus', ref('fct_experience'), 'experience_id', 'published_on'),
    ('social_accounts', ref('fct_social_account_day'), 'metric_key', 'counted_on'),
] %}
with loads as (
    select
        platform,
        entity,
        max(finished_at) as last_loaded_at
    from {{ ref('stg_platforms__load') }}
    -- Judging set-aside records anew, or loading past days again, brings no news from the platform.
    where origin_kind not in ('quarantine', 'window')
    group by platform, entity
),

loaded as (
    select
        platform,
        max({{ paris_day('last_loaded_at') }}) as loaded_on
    from loads
    group by platform
),

records as (
    {% for platform, relation, key, day in records %}
    select
        '{{ platform }}' as platform,
        -- What is planned, or dated after it was loaded, does not tell how far the data go.
        max(case when {{ day }} <= coalesce(loaded.loaded_on, {{ paris_today() }}) then {{ day }} end) as data_as_of,
        count({{ key }}) as rows
    from {{ relation }}
    left join loaded on loaded.platform = '{{ platform }}'
    {{ 'union all' if not loop.last }}
    {% endfor %}
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
        records.rows
    from {{ ref('platforms') }} as platforms
    left join loads on platforms.platform = loads.platform and platforms.main_entity = loads.entity
    left join records on platforms.platform = records.platform
)

select
    platform,
    title,
    pillar,
    owner,
    {{ team_label('owner') }} as owner_label,
    last_loaded_at,
    late_at,
    data_as_of,
    cast(rows as bigint) as rows,
    -- A platform that was never loaded is late too.
    coalesce(late_at < cast({{ dbt.current_timestamp() }} as timestamp), true) as is_late
from dated
