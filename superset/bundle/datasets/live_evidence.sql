-- What stood out, beside the signal that it proves.
select
    evidence.signal_id,
    evidence.series,
    evidence.metric,
    evidence.metric_label,
    evidence.platform,
    evidence.platform_label,
    evidence.territory_code,
    evidence.place_label,
    evidence.bin_start,
    evidence.bin_minutes,
    evidence.observed,
    evidence.expected,
    evidence.upper,
    evidence.score,
    signals.topic_label,
    signals.territory_label,
    signals.status
from signals.live_signal_evidence as evidence
inner join signals.live_signal as signals on evidence.signal_id = signals.signal_id
