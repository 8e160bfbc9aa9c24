{% for period_type in ['day', 'week', 'month', 'quarter', 'year'] %}
select
    date_day,
    '{{ period_type }}' as period_type,
    {{ 'date_day' if period_type == 'day' else period_type ~ '_start' }} as period_start
from {{ ref('dim_calendar') }}
{{ 'union all' if not loop.last }}
{% endfor %}
