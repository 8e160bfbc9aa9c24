select
    review_id as record_key,
    occurred_on,
    territory_code,
    service_name as service,
    cast(max(case when intention = 'good' then 1 else 0 end) as bigint) as numerator,
    cast(1 as bigint) as denominator
from {{ ref('fct_jdma_answer') }}
where
    question = 'contact_tried'
    -- Statistics count ticked boxes, of which a review may have several: reviews cannot be told from them.
    and review_id is not null
group by review_id, occurred_on, territory_code, service_name
