select
    presence_key as record_key,
    counted_on as occurred_on,
    territory_code,
    measure as listing_action,
    metric_count as numerator,
    cast(null as bigint) as denominator
from {{ ref('fct_listing_presence') }}
where kind = 'action'
