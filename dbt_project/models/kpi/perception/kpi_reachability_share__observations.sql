select
    record_key,
    occurred_on,
    territory_code,
    service_name as service,
    case when intention = 'good' then answers else 0 end as numerator,
    answers as denominator
from {{ ref('fct_jdma_answer') }}
where
    question = 'contact_reached'
    and mark is not null
