-- The same records as those of the median.
select
    record_key,
    occurred_on,
    territory_code,
    scope,
    numerator,
    denominator
from {{ ref('kpi_response_time_median__observations') }}
