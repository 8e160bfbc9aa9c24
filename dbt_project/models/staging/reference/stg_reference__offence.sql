select
    cle_fait as offence_key,
    year as year_number,
    institution as institution_code,
    departement as departement_code,
    service as service_name,
    index_code,
    label as index_label,
    value as offences,
    _dlt_load_id as source_load_id
from {{ source('reference', 'crimes') }}
