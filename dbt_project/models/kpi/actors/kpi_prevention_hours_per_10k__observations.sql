select
    action_id as record_key,
    started_on as occurred_on,
    territory_code,
    working_hours as numerator,
    cast(null as bigint) as denominator
from {{ ref('fct_prevention_action') }}
where working_hours is not null
