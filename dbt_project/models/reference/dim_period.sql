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
),

-- The ISO year of a week is the year of its Thursday.
thursdays as (
    select
        *,
        cast({{ dbt.dateadd('day', 3, 'period_start') }} as date) as thursday
    from periods
)

select
    period_type,
    period_start,
    last_day,
    period_label,
    case period_type
        when 'day' then cast(period_start as string)
        when 'week'
            then concat(
                    cast(extract(year from thursday) as string),
                    '-W',
                    lpad(cast(cast(floor((extract(doy from thursday) + 6) / 7) as integer) as string), 2, '0')
                )
        when 'month' then substring(cast(period_start as string), 1, 7)
        when 'quarter'
            then concat(
                    cast(extract(year from period_start) as string),
                    '-Q',
                    cast(extract(quarter from period_start) as string)
                )
        when 'year' then cast(extract(year from period_start) as string)
    end as period_name,
    previous_period_start
from thursdays
