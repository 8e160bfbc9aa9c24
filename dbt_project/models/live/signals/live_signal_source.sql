select
    signal_id,
    rank,
    name as source, -- noqa: RF04
    mentions,
    reach
from {{ ref('live_detection') }}
where part = 'source'
