-- Whole weeks of what is told for years, nation only: their season is judged, not their last days.
-- Only channels that are known for three years and the weeks around: a younger one would be a rise of all weeks since.
with known_channels as (
    select
        platform,
        channel,
        cast({{ dbt.date_trunc('week', 'min(occurred_on)') }} as date) as first_week
    from {{ ref('fct_feedback') }}
    group by platform, channel
    having min(occurred_on) <= cast({{ dbt.dateadd('week', -161, paris_today()) }} as date)
),

weeks as (
    select
        feedback.platform,
        cast({{ dbt.date_trunc('week', 'feedback.occurred_on') }} as date) as week_start,
        count(feedback.feedback_key) as observed
    from {{ ref('fct_feedback') }} as feedback
    inner join known_channels
        on feedback.platform = known_channels.platform and feedback.channel = known_channels.channel
    where feedback.feeling = 'négatif' and feedback.scope = 'gendarmerie'
    group by feedback.platform, cast({{ dbt.date_trunc('week', 'feedback.occurred_on') }} as date)
),

first_weeks as (
    select
        platform,
        max(first_week) as first_week
    from known_channels
    group by platform
),

last_weeks as (
    select
        platform,
        max(week_start) as last_week
    from weeks
    group by platform
)

select
    'ensemble' as topic_code,
    'negative_feedback' as metric,
    last_weeks.platform,
    'FR' as territory_code,
    calendar.date_day as week_start,
    coalesce(weeks.observed, 0) as observed
from last_weeks
inner join first_weeks on last_weeks.platform = first_weeks.platform
inner join {{ ref('dim_calendar') }} as calendar
    on
        calendar.date_day between first_weeks.first_week and last_weeks.last_week
        and calendar.iso_weekday = 1
left join weeks on last_weeks.platform = weeks.platform and calendar.date_day = weeks.week_start
-- The week of the last feedback may not be over.
where calendar.date_day < last_weeks.last_week
