{{ ears(
    ref('int_daily_series'), keys=['topic_code', 'metric', 'platform', 'territory_code'], period='day', value='observed'
) }}
