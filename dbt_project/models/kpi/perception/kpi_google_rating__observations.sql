select
    review_id as record_key,
    written_on as occurred_on,
    territory_code,
    rating as numerator,
    cast(1 as bigint) as denominator
from {{ ref('fct_google_review') }}
where rating is not null
