select
    audience_key as record_key,
    month_start as occurred_on,
    territory_code,
    site,
    visits as numerator,
    cast(null as bigint) as denominator
from {{ ref('fct_audience_place') }}
