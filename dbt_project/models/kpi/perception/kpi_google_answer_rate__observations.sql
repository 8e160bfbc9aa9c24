select
    review_id as record_key,
    written_on as occurred_on,
    territory_code,
    cast(case when is_answered then 1 else 0 end as bigint) as numerator,
    cast(1 as bigint) as denominator
from {{ ref('fct_google_review') }}
