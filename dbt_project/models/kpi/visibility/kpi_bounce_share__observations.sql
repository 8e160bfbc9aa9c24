select
    audience_key as record_key,
    occurred_on,
    'ZZ' as territory_code,
    site,
    sub_site,
    traffic_source,
    device,
    bounces as numerator,
    visits as denominator
from {{ ref('int_audience_visit') }}
where bounces is not null
