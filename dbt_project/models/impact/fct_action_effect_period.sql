with told as (
    select *
    from {{ ref('int_action_effect') }}
    where period_start is not null
)

select
    concat(told.action_id, '|', told.kpi_code) as effect_key,
    told.action_id,
    actions.territory_code,
    told.kpi_code,
    kpis.kpi_label,
    told.period_type,
    told.period_start,
    told.is_after,
    told.period_counted as counted,
    told.period_expected as expected,
    told.period_low as band_low,
    told.period_high as band_high,
    told.period_counted - told.period_expected as effect,
    case
        when told.is_after
            then sum(case when told.is_after then told.period_counted - told.period_expected end) over (
                    partition by told.action_id, told.kpi_code order by told.period_start
                    rows between unbounded preceding and current row
                )
    end as effect_so_far
from told
inner join {{ ref('int_published_kpi') }} as kpis on told.kpi_code = kpis.kpi_code
inner join {{ ref('fct_action') }} as actions on told.action_id = actions.action_id
