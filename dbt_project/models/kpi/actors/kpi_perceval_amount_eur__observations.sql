select
    day_key as record_key,
    reported_on as occurred_on,
    'ZZ' as territory_code,
    amount_eur as numerator,
    coalesce(reports, 0) as denominator
from {{ ref('fct_perceval_day') }}
where amount_eur is not null
