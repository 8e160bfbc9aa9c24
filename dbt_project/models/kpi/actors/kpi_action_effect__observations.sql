select
    effect_key as record_key,
    started_on as occurred_on,
    territory_code,
    kpi_label as targeted_kpi,
    counted as numerator,
    expected as denominator
from {{ ref('fct_action_effect') }}
where
    donors is not null
    and window_is_over
    -- Waves of news and posts answer to what happens, and a change of a service is no prevention.
    and action_kind = 'Action de prévention'
