select
    detections.signal_id,
    detections.rank,
    coalesce(networks.breakdown_label, detections.name) as source, -- noqa: RF04
    detections.mentions,
    detections.reach
from {{ ref('live_detection') }} as detections
left join {{ ref('breakdown_labels') }} as networks
    on networks.breakdown_dimension = 'network' and detections.name = networks.breakdown_value
where detections.part = 'source'
