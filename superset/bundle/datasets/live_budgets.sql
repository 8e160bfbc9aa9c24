-- How verdicts move the budgets of topics.
select
    topic_label,
    confirmed,
    dismissed,
    times,
    alerts_per_series_week,
    case domain
        when 'listening' then 'Réseaux' when 'chat' then 'Tchat' when 'victims' then 'Victimes'
        when 'feedback' then 'Avis' else 'Téléservices'
    end as domain_label,
    case when domain in ('listening', 'chat') then 'Oui' else 'Non' end as applied_label
from signals.live_budget
