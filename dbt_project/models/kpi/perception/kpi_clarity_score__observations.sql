select
    record_key,
    occurred_on,
    territory_code,
    service_name as service,
    cast(mark * answers as decimal(38, 6)) as numerator,
    answers as denominator
from {{ ref('fct_jdma_answer') }}
where
    question = 'comprehension'
    and mark is not null
