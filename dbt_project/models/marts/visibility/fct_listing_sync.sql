select
    state_key,
    read_on,
    publisher,
    state,
    state = 'success' as is_synchronised,
    listings_count,
    source_load_id
from {{ ref('stg_partoo__publisher_state') }}
