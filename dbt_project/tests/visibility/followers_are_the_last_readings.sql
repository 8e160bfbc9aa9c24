-- The reading of a month and account after which there is none; the KPI takes the latest in its own way.
{{ config(group='visibility') }}
with readings as (
    select
        metric_key,
        account_key,
        counted_on,
        followers,
        {{ dbt.date_trunc('month', 'counted_on') }} as month_start
    from {{ ref('fct_social_account_day') }}
),

by_reading as (
    select
        readings.month_start,
        sum(readings.followers) as followers
    from readings
    left join readings as later
        on
            readings.account_key = later.account_key
            and readings.month_start = later.month_start
            and readings.counted_on < later.counted_on
    where later.metric_key is null
    group by readings.month_start
),

by_kpi as (
    select
        period_start,
        value
    from {{ ref('kpi_followers') }}
    where
        period_type = 'month'
        and territory_level = 'nation'
        and breakdown_dimension = 'total'
)

select
    coalesce(by_reading.month_start, by_kpi.period_start) as month_start,
    by_reading.followers,
    by_kpi.value
from by_reading
full outer join by_kpi on by_reading.month_start = by_kpi.period_start
where
    by_reading.followers is null
    or by_kpi.value is null
    or by_reading.followers <> by_kpi.value
