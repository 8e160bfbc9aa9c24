-- Zero-filled up to the last day that the platform tells of; a series lives while a day of its last 28 is not zero.
with placed as (
    select
        counts.topic_code,
        counts.metric,
        counts.platform,
        levels.level_code as territory_code,
        counts.day,
        cast(sum(counts.observed) as bigint) as observed
    from {{ ref('int_signal_count') }} as counts
    inner join {{ ref('bridge_territory_level') }} as levels on counts.territory_code = levels.territory_code
    where
        levels.territory_level in ('nation', 'region')
        or (levels.territory_level = 'departement' and counts.metric <> 'victims')
    group by counts.topic_code, counts.metric, counts.platform, levels.level_code, counts.day
),

known as (
    select
        metric,
        platform,
        min(day) as first_day,
        max(day) as last_day
    from placed
    group by metric, platform
),

living as (
    select
        placed.topic_code,
        placed.metric,
        placed.platform,
        placed.territory_code,
        known.first_day,
        known.last_day
    from placed
    inner join known on placed.metric = known.metric and placed.platform = known.platform
    where placed.day > {{ dbt.dateadd('day', -28, 'known.last_day') }}
    group by
        placed.topic_code, placed.metric, placed.platform, placed.territory_code, known.first_day, known.last_day
),

totals as (
    select
        metric,
        platform,
        territory_code,
        day,
        cast(sum(observed) as bigint) as observed
    from placed
    group by metric, platform, territory_code, day
)

select
    living.topic_code,
    living.metric,
    living.platform,
    living.territory_code,
    calendar.date_day as day,
    coalesce(placed.observed, 0) as observed,
    coalesce(totals.observed, 0) as total_observed
from living
inner join {{ ref('dim_calendar') }} as calendar
    on calendar.date_day between living.first_day and living.last_day
left join placed
    on
        living.topic_code = placed.topic_code
        and living.metric = placed.metric
        and living.platform = placed.platform
        and living.territory_code = placed.territory_code
        and calendar.date_day = placed.day
left join totals
    on
        living.metric = totals.metric
        and living.platform = totals.platform
        and living.territory_code = totals.territory_code
        and calendar.date_day = totals.day
