select
    actions.action_id,
    -- An action counts once, on its first day, however long it lasts.
    actions.started_on,
    actions.ended_on,
    cast({{ dbt.datediff('actions.started_on', 'actions.ended_on', 'day') | trim }} + 1 as bigint) as duration_days,
    actions.unit_name,
    actions.commune_name,
    actions.territory_code,
    actions.is_nationwide,
    actions.action_type,
    actions.theme,
    threat_labels.threat_code,
    coalesce(actions.audience, 'Non précisé') as audience,
    coalesce(actions.channel, 'Non précisé') as channel,
    actions.people_reached,
    actions.working_hours,
    actions.cost_eur,
    actions.targeted_kpi_codes,
    actions.source_load_id
from {{ ref('int_declared_action') }} as actions
left join {{ ref('threat_labels') }} as threat_labels
    on
        threat_labels.platform = 'prevention_actions'
        and actions.theme = threat_labels.label
where not actions.is_service_change
