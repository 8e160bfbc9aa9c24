select
    action_id as record_key,
    started_on as occurred_on,
    territory_code,
    audience,
    channel,
    theme,
    cast(1 as bigint) as numerator,
    cast(null as bigint) as denominator
from {{ ref('fct_prevention_action') }}
