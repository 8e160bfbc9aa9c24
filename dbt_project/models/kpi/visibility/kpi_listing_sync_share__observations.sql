select
    state_key as record_key,
    read_on as occurred_on,
    'ZZ' as territory_code,
    publisher,
    case when is_synchronised then listings_count else cast(0 as bigint) end as numerator,
    listings_count as denominator
from {{ ref('fct_listing_sync') }}
