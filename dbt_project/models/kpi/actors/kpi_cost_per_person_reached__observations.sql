select
    action_id as record_key,
    started_on as occurred_on,
    territory_code,
    channel,
    coalesce(theme, 'Non précisé') as theme,
    cost_eur as numerator,
    people_reached as denominator
from {{ ref('fct_prevention_action') }}
where
    cost_eur is not null
    and people_reached > 0
