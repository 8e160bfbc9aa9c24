-- Names the platforms whose last load is too old, or that were never loaded.
{{ config(group='governance') }}
select concat(platform, ' (', coalesce(cast(cast(last_loaded_at as date) as string), 'never loaded'), ')') as platform
from {{ ref('freshness') }}
where is_late
order by platform
