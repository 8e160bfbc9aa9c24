-- The text is the mention's own, so that what is erased or purged there is gone from here.
select
    detections.signal_id,
    detections.rank,
    substring(mentions.text, 1, 280) as text,
    coalesce(networks.breakdown_label, mentions.network) as platform,
    mentions.published_at
from {{ ref('live_detection') }} as detections
inner join {{ ref('stg_listening__mention') }} as mentions on detections.name = mentions.mention_id
left join {{ ref('breakdown_labels') }} as networks
    on networks.breakdown_dimension = 'network' and mentions.network = networks.breakdown_value
where
    detections.part = 'example'
    and mentions.text is not null
    and {{ is_of_the_last_days(paris_day('mentions.published_at')) }}
