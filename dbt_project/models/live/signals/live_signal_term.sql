select
    signal_id,
    rank,
    name as term,
    value as log_odds
from {{ ref('live_detection') }}
where part = 'term'
