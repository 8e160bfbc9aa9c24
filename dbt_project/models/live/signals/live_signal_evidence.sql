select
    signal_id,
    series,
    metric,
    platform,
    territory_code,
    bin_start,
    bin_minutes,
    observed,
    expected,
    upper,
    value as score
from {{ ref('live_detection') }}
where
    part = 'evidence'
    and not (metric = 'victims' and observed < 5)
