-- What is said in a signal and was not said before.
select
    terms.signal_id,
    terms.rank,
    terms.term,
    terms.log_odds,
    concat(signals.topic_label, ' – ', signals.territory_label) as signal_label,
    signals.territory_code,
    signals.status
from signals.live_signal_term as terms
inner join signals.live_signal as signals on terms.signal_id = signals.signal_id
