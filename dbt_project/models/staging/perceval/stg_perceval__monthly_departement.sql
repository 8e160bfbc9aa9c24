select
    series_key,
    cast(concat(month, '-01') as date) as month_start,
    dpt_code as departement_code,
    count as reports,
    _dlt_load_id as source_load_id
from {{ source('perceval', 'monthly_departements') }}
