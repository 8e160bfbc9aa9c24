select
    action_id as record_key,
    started_on as occurred_on,
    territory_code,
    audience,
    channel,
    theme,
    people_reached as numerator,
    cast(null as bigint) as denominator
from {{ ref('fct_prevention_action') }}
where people_reached is not null
