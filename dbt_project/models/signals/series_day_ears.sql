{{ ears(
    ref('series_day'), keys=['topic_code', 'metric', 'platform', 'territory_code'], period='day', value='observed'
) }}
