-- What surprised, value by value, under the name of the signal that it proves, which a click on that signal chooses.
select
    signal_id,
    concat(topic_label, ' – ', territory_label) as signal_label,
    territory_code,
    place_label,
    metric_label,
    platform_label,
    bin_start,
    bin_minutes,
    observed,
    expected,
    upper,
    score,
    status
from signals.live_signal_evidence
