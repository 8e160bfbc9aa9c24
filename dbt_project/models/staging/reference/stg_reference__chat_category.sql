select
    label,
    category,
    _dlt_load_id as source_load_id
from {{ source('reference', 'chat_category') }}
