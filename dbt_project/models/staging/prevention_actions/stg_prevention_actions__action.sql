select
    identifiant as action_id,
    type_action as action_type,
    theme,
    public_vise as audience,
    canal as channel,
    unite as unit_name,
    departement as departement_code,
    commune as commune_name,
    cast(date_debut as date) as started_on,
    cast(date_fin as date) as ended_on,
    personnes_touchees as people_reached,
    heures as working_hours,
    cout_euros as cost_eur,
    indicateurs_vises as targeted_kpi_codes,
    generation,
    _dlt_load_id as source_load_id
from {{ source('prevention_actions', 'actions') }}
-- What was withdrawn did not take place.
where coalesce(retrait, 'Non') = 'Non'
