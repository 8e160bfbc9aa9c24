select
    concat(action_id, '|', coalesce(kpi_code, '')) as effect_key,
    action_id,
    kpi_code,
    period_type,
    period_start,
    is_after,
    period_counted as counted,
    period_expected as expected,
    period_low as band_low,
    period_high as band_high,
    period_counted - period_expected as effect,
    case
        when is_after
            then sum(case when is_after then period_counted - period_expected end) over (
                partition by action_id, kpi_code order by period_start
                rows between unbounded preceding and current row
            )
    end as effect_so_far
from {{ ref('int_action_effect') }}
where period_start is not null
