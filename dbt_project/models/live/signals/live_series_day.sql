-- Days of Paris, of the hours of the series that live; the day that is not over is among them.
select
    topic_code,
    platform,
    territory_code,
    {{ paris_day('bin_start') }} as day,
    cast(sum(mentions) as bigint) as mentions,
    cast(sum(total_mentions) as bigint) as total_mentions
from {{ ref('live_series_hour') }}
group by topic_code, platform, territory_code, {{ paris_day('bin_start') }}
