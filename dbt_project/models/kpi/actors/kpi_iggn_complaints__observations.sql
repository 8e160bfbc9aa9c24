select
    complaint_key as record_key,
    year_start as occurred_on,
    'ZZ' as territory_code,
    complaints as numerator,
    cast(null as bigint) as denominator
from {{ ref('fct_iggn_complaint') }}
