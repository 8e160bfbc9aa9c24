select
    case_key,
    cast(date as date) as diagnosed_on,
    public as victim_type_code,
    categorie_menace as threat_name,
    code_departement as departement_code,
    orientation as outcome,
    nb_parcours as victims,
    nb_mise_en_relation_prestataire as provider_handovers,
    nb_tchat_fsi as chat_handovers,
    nb_orientation_plainte as complaint_handovers,
    satisfaction_pct as satisfaction_percent,
    generation,
    _dlt_load_id as source_load_id
from {{ source('cybermalveillance', 'cases') }}
