select
    asset,
    check_name,
    check_label,
    status,
    case status when 'pass' then 'réussi' when 'warn' then 'signalé' when 'fail' then 'échoué' else status end as state,
    evaluated_at,
    cast(timezone('Europe/Paris', timezone('UTC', evaluated_at)) as date) as evaluated_on,
    run_id
from audit.check_evaluation
