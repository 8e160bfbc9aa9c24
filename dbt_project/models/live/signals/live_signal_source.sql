select
    signal_id,
    rank,
    name as source,
    mentions,
    reach
from {{ ref('live_detection') }}
where part = 'source'
