-- Counts that are not zero, by day, topic and département or region; victims by the territory that the platform tells.
-- A channel counts once it is known for five weeks: a store that shows one week at first would be a rise of that week.
with threats as (
    select
        subject_key as threat_code,
        topic_code
    from {{ ref('int_text_topic') }}
    where subject_kind = 'threat'
),

written as (
    select
        subject_key as verbatim_id,
        topic_code
    from {{ ref('int_text_topic') }}
    where subject_kind = 'verbatim'
),

channels as (
    select
        platform,
        channel,
        min(occurred_on) as first_on,
        max(max(occurred_on)) over (partition by platform) as platform_last_on
    from {{ ref('fct_feedback') }}
    group by platform, channel
),

known_channels as (
    select
        platform,
        channel
    from channels
    where first_on <= cast({{ dbt.dateadd('day', -35, 'platform_last_on') }} as date)
),

counted as (
    select
        coalesce(threats.topic_code, 'autres') as topic_code,
        'victims' as metric,
        'cybermalveillance' as platform,
        assistance.territory_code,
        assistance.diagnosed_on as day,
        assistance.victims as observed
    from {{ ref('fct_assistance') }} as assistance
    left join threats on assistance.threat_code = threats.threat_code
    union all
    select
        coalesce(threats.topic_code, 'autres') as topic_code,
        'victims' as metric,
        'perceval' as platform,
        'ZZ' as territory_code,
        reports.reported_on as day,
        reports.reports as observed
    from {{ ref('fct_perceval_day') }} as reports
    left join threats on reports.threat_code = threats.threat_code
    union all
    select
        coalesce(written.topic_code, 'autres') as topic_code,
        'negative_feedback' as metric,
        feedback.platform,
        feedback.territory_code,
        feedback.occurred_on as day,
        1 as observed
    from {{ ref('fct_feedback') }} as feedback
    inner join known_channels
        on feedback.platform = known_channels.platform and feedback.channel = known_channels.channel
    left join written on feedback.verbatim_id = written.verbatim_id
    where feedback.feeling = 'négatif' and feedback.scope = 'gendarmerie'
    union all
    select
        'panne_teleservice' as topic_code,
        case when outcome = 'envoyée' then 'sent_services' else 'failed_services' end as metric,
        'pre_plainte' as platform,
        territory_code,
        began_on as day,
        1 as observed
    from {{ ref('fct_pre_complaint') }}
)

select
    topic_code,
    metric,
    platform,
    territory_code,
    day,
    cast(sum(observed) as bigint) as observed
from counted
where day > cast({{ dbt.dateadd('day', -400, paris_today()) }} as date) and day < {{ paris_today() }}
group by topic_code, metric, platform, territory_code, day
