select
    stats_id as declaration_id,
    cast(stats_debut_declaration as timestamp) as began_at,
    cast(stats_fin_declaration as timestamp) as sent_at,
    stats_dpt_unite as departement_code,
    stats_pers_physique as is_natural_person,
    stats_pers_morale as is_legal_person,
    _dlt_load_id as source_load_id
from {{ source('pre_plainte', 'declarations') }}
