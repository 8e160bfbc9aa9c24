with days as (
    select * from {{ ref('dim_calendar') }}
),

periods as (
    {% for period_type in ['day', 'week', 'month', 'quarter', 'year'] %}
    {% set start = 'date_day' if period_type == 'day' else period_type ~ '_start' %}
    select
        '{{ period_type }}' as period_type,
        {{ start }} as period_start,
        {{ period_type }}_label as period_label,
        cast({{ dbt.dateadd(period_type, -1, start) }} as date) as previous_period_start,
        max(date_day) as last_day
    from days
    group by {{ start }}, {{ period_type }}_label
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    period_type,
    period_start,
    last_day,
    period_label,
    previous_period_start
from periods
