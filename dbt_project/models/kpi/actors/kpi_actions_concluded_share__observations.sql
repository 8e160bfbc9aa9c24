select
    action_id as record_key,
    max(started_on) as occurred_on,
    max(territory_code) as territory_code,
    max(coalesce(theme, 'Non précisé')) as theme,
    cast(max(case when certainty in ('probable', 'possible') then 1 else 0 end) as bigint) as numerator,
    cast(1 as bigint) as denominator
from {{ ref('fct_action_effect') }}
where action_kind = 'Action de prévention'
group by action_id
