select
    audience_key as record_key,
    occurred_on,
    'ZZ' as territory_code,
    site,
    sub_site,
    traffic_source,
    device,
    visits as numerator,
    cast(null as bigint) as denominator
from {{ ref('int_audience_visit') }}
