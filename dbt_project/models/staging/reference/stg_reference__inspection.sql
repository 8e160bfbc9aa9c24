select
    cle_mesure as measure_key,
    annee as year_number,
    measure,
    value,
    _dlt_load_id as source_load_id
from {{ source('reference', 'inspections') }}
