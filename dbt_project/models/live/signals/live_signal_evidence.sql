select
    evidence.signal_id,
    evidence.series,
    evidence.metric,
    {{ signal_metric_label('evidence.metric') }} as metric_label,
    evidence.platform,
    case
        when evidence.platform = 'all' then 'toutes'
        else coalesce(platforms.title, networks.breakdown_label, evidence.platform)
    end as platform_label,
    evidence.territory_code,
    {{ place_label('evidence.territory_code') }} as place_label,
    evidence.bin_start,
    evidence.bin_minutes,
    evidence.observed,
    evidence.expected,
    evidence.upper,
    evidence.value as score,
    signals.topic_label,
    signals.territory_label,
    signals.status
from {{ ref('live_detection') }} as evidence
inner join {{ ref('live_signal') }} as signals on evidence.signal_id = signals.signal_id
left join {{ ref('platforms') }} as platforms on evidence.platform = platforms.platform
left join {{ ref('breakdown_labels') }} as networks
    on networks.breakdown_dimension = 'network' and evidence.platform = networks.breakdown_value
left join {{ ref('territories') }} as territories on evidence.territory_code = territories.territory_code
left join {{ ref('regions') }} as regions on evidence.territory_code = regions.region_code
where
    evidence.part = 'evidence'
    and not (evidence.metric = 'victims' and evidence.observed < 5)
