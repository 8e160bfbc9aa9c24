select
    actions.action_id,
    actions.action_type,
    coalesce(actions.action_type, '') = {{ service_change() }} as is_service_change,
    actions.theme,
    actions.audience,
    actions.channel,
    actions.unit_name,
    actions.commune_name,
    coalesce(codes.territory_code, 'ZZ') as territory_code,
    actions.departement_code is null as is_nationwide,
    actions.started_on,
    coalesce(actions.ended_on, actions.started_on) as ended_on,
    actions.people_reached,
    actions.working_hours,
    actions.cost_eur,
    actions.targeted_kpi_codes,
    actions.source_load_id
from {{ ref('stg_prevention_actions__action') }} as actions
left join {{ ref('bridge_departement_territory') }} as codes on actions.departement_code = codes.departement_code
