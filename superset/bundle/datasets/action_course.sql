-- The course of each effect, one series per row: an action on several indicators has as many of each.
select
    effect_key,
    action_id,
    territory_code,
    kpi_label,
    period_start,
    concat(kpi_label, ' : compté') as series,
    counted as value
from impact.fct_action_effect_period
union all
select
    effect_key,
    action_id,
    territory_code,
    kpi_label,
    period_start,
    concat(kpi_label, ' : attendu sans l''action') as series,
    expected as value
from impact.fct_action_effect_period
union all
select
    effect_key,
    action_id,
    territory_code,
    kpi_label,
    period_start,
    concat(kpi_label, ' : attendu, au moins') as series,
    band_low as value
from impact.fct_action_effect_period
where band_low is not null
union all
select
    effect_key,
    action_id,
    territory_code,
    kpi_label,
    period_start,
    concat(kpi_label, ' : attendu, au plus') as series,
    band_high as value
from impact.fct_action_effect_period
where band_high is not null
