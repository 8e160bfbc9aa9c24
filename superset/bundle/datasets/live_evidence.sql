-- What surprised, value by value, under the name of the signal that it proves, which a click on that signal chooses.
select
    signal_id,
    concat(topic_label, ' – ', territory_label) as signal_label,
    territory_code,
    place_label,
    metric_label,
    platform_label,
    bin_start,
    case bin_minutes
        when 60 then 'une heure' when 1440 then 'un jour' when 10080 then 'une semaine'
        else case when bin_minutes % 60 = 0 then concat(bin_minutes // 60, ' heures') else concat(bin_minutes, ' minutes') end
    end as duration,
    observed,
    expected,
    upper,
    score,
    status
from signals.live_signal_evidence
