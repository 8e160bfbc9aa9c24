select
    experience_id as record_key,
    published_on as occurred_on,
    territory_code,
    scope,
    response_days as numerator,
    cast(null as bigint) as denominator
from {{ ref('fct_experience') }}
where response_days is not null
