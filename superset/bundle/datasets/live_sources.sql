-- Where the mentions of a signal come from.
select
    sources.signal_id,
    sources.rank,
    sources.source,
    sources.mentions,
    sources.reach,
    concat(signals.topic_label, ' – ', signals.territory_label) as signal_label,
    signals.territory_code,
    signals.status
from signals.live_signal_source as sources
inner join signals.live_signal as signals on sources.signal_id = signals.signal_id
