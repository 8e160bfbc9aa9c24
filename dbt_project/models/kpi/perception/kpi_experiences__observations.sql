select
    experience_id as record_key,
    published_on as occurred_on,
    territory_code,
    scope,
    cast(1 as bigint) as numerator,
    cast(null as bigint) as denominator
from {{ ref('fct_experience') }}
