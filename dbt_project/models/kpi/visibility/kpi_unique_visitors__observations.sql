select
    audience_key as record_key,
    month_start as occurred_on,
    'ZZ' as territory_code,
    site,
    device,
    unique_visitors as numerator,
    cast(null as bigint) as denominator
from {{ ref('fct_audience_device') }}
where unique_visitors is not null
