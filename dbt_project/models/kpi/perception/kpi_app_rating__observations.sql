select
    review_key as record_key,
    written_on as occurred_on,
    territory_code,
    store,
    rating as numerator,
    cast(1 as bigint) as denominator
from {{ ref('fct_app_review') }}
