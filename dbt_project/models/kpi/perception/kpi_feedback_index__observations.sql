select
    feedback_key as record_key,
    occurred_on,
    territory_code,
    platform,
    cast(normalised_score as decimal(38, 6)) as numerator,
    cast(1 as bigint) as denominator
from {{ ref('fct_feedback') }}
where
    scope = 'gendarmerie'
    and normalised_score is not null
