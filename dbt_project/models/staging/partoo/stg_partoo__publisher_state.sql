select
    state_key,
    cast(read_on as date) as read_on,
    publisher,
    state,
    count as listings_count,
    _dlt_load_id as source_load_id
from {{ source('partoo', 'publisher_states') }}
