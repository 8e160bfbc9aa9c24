select
    experience_id as record_key,
    published_on as occurred_on,
    territory_code,
    scope,
    cast(case when is_answered then 1 else 0 end as bigint) as numerator,
    cast(1 as bigint) as denominator
from {{ ref('fct_experience') }}
