with told as (
    select *
    from {{ ref('int_action_effect') }}
    -- What is told of the whole window is repeated for each of its periods.
    where
        period_start is null
        or (is_after and period_start = window_start)
)

select
    concat(told.action_id, '|', coalesce(told.kpi_code, '')) as effect_key,
    told.action_id,
    actions.started_on,
    actions.ended_on,
    actions.territory_code,
    territories.territory_name,
    actions.is_nationwide,
    actions.action_kind,
    actions.platform,
    actions.action_type,
    actions.theme,
    actions.audience,
    actions.items,
    actions.working_hours,
    actions.cost_eur,
    told.kpi_code,
    kpis.kpi_label,
    concat(told.action_id, ' – ', coalesce(kpis.kpi_label, told.kpi_code, 'aucun indicateur')) as effect_name,
    told.donors is not null as is_measured,
    kpis.is_share,
    told.is_proposed,
    told.period_type,
    told.method,
    told.certainty,
    told.sentence,
    told.refusal,
    told.remedy,
    told.overlapping_actions,
    told.window_start,
    told.window_end,
    told.window_is_over,
    told.national_before,
    told.national_during,
    told.counted,
    told.expected,
    told.band_low,
    told.band_high,
    told.ratio,
    told.ratio_low,
    told.ratio_high,
    told.effect as effect_cumulative,
    told.effect_low,
    told.effect_high,
    {{ signed_ratio('told.effect', 'actions.working_hours') }} as effect_per_hour,
    {{ signed_ratio('told.effect', 'actions.cost_eur') }} as effect_per_euro,
    told.p_value,
    told.adjusted_p,
    told.sequential_low,
    told.sequential_high,
    told.concluded_after,
    told.fading_p,
    told.early_ratio,
    told.late_ratio,
    told.course,
    told.least_decrease,
    told.least_increase,
    told.false_alarms_in_time,
    told.false_alarms_in_space,
    told.donors
from told
inner join {{ ref('fct_action') }} as actions on told.action_id = actions.action_id
inner join {{ ref('dim_territory') }} as territories on actions.territory_code = territories.territory_code
left join {{ ref('int_published_kpi') }} as kpis on told.kpi_code = kpis.kpi_code
