-- The only texts of a signal: redacted, three of each.
select
    examples.signal_id,
    examples.rank,
    examples.text,
    examples.platform,
    examples.published_at,
    concat(signals.topic_label, ' – ', signals.territory_label) as signal_label,
    signals.territory_code,
    signals.status
from signals.live_signal_example as examples
inner join signals.live_signal as signals on examples.signal_id = signals.signal_id
