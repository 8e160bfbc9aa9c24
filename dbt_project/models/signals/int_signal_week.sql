-- Whole weeks of what is told for years, nation only: their season is judged, not their last days.
with weeks as (
    select
        platform,
        cast({{ dbt.date_trunc('week', 'occurred_on') }} as date) as week_start,
        count(feedback_key) as observed
    from {{ ref('fct_feedback') }}
    where feeling = 'négatif' and scope = 'gendarmerie'
    group by platform, cast({{ dbt.date_trunc('week', 'occurred_on') }} as date)
),

known as (
    select
        platform,
        min(week_start) as first_week,
        max(week_start) as last_week
    from weeks
    group by platform
)

select
    'ensemble' as topic_code,
    'negative_feedback' as metric,
    known.platform,
    'FR' as territory_code,
    calendar.date_day as week_start,
    coalesce(weeks.observed, 0) as observed
from known
inner join {{ ref('dim_calendar') }} as calendar
    on
        calendar.date_day between known.first_week and known.last_week
        and calendar.iso_weekday = 1
left join weeks on known.platform = weeks.platform and calendar.date_day = weeks.week_start
-- The week of the last feedback may not be over.
where calendar.date_day < known.last_week
