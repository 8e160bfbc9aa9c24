with actions as (
    select * from {{ ref('stg_prevention_actions__action') }}
    where coalesce(action_type, '') <> {{ service_change() }}
)

select
    actions.action_id,
    -- An action counts once, on its first day, however long it lasts.
    actions.started_on,
    coalesce(actions.ended_on, actions.started_on) as ended_on,
    cast(
        {{ dbt.datediff('actions.started_on', 'coalesce(actions.ended_on, actions.started_on)', 'day') | trim }} + 1
        as bigint
    ) as duration_days,
    actions.unit_name,
    actions.commune_name,
    coalesce(codes.territory_code, 'ZZ') as territory_code,
    actions.departement_code is null as is_nationwide,
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
from actions
left join {{ ref('bridge_departement_territory') }} as codes on actions.departement_code = codes.departement_code
left join {{ ref('threat_labels') }} as threat_labels
    on
        threat_labels.platform = 'prevention_actions'
        and actions.theme = threat_labels.label
