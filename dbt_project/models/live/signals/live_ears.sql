{{ ears(ref('live_series_day'), keys=['topic_code', 'platform', 'territory_code'], period='day', value='mentions') }}
