select
    day as amount_key,
    cast(day as date) as reported_on,
    amount as amount_eur,
    _dlt_load_id as source_load_id
from {{ source('perceval', 'daily_amounts') }}
