{% set kpis = [
    ref('kpi_action_effect'),
    ref('kpi_actions_concluded_share'),
    ref('kpi_answer_rate'),
    ref('kpi_app_rating'),
    ref('kpi_autonomy_score'),
    ref('kpi_bounce_share'),
    ref('kpi_chat_contacts'),
    ref('kpi_chat_out_of_hours_share'),
    ref('kpi_clarity_score'),
    ref('kpi_cost_per_person_reached'),
    ref('kpi_demand_per_fte'),
    ref('kpi_engagement_rate'),
    ref('kpi_experiences'),
    ref('kpi_feedback_index'),
    ref('kpi_followers'),
    ref('kpi_google_answer_rate'),
    ref('kpi_google_rating'),
    ref('kpi_handover_share'),
    ref('kpi_help_quality_score'),
    ref('kpi_iggn_complaints'),
    ref('kpi_irritant_weight'),
    ref('kpi_listing_actions'),
    ref('kpi_listing_sync_share'),
    ref('kpi_mentions'),
    ref('kpi_negative_reviews_share'),
    ref('kpi_negative_share_by_theme'),
    ref('kpi_perceval_amount_eur'),
    ref('kpi_perceval_mean_amount_eur'),
    ref('kpi_perceval_reports'),
    ref('kpi_positive_share'),
    ref('kpi_pre_complaint_duration_median'),
    ref('kpi_pre_complaints'),
    ref('kpi_prevention_actions'),
    ref('kpi_prevention_audience'),
    ref('kpi_prevention_coverage'),
    ref('kpi_prevention_hours'),
    ref('kpi_prevention_hours_per_10k'),
    ref('kpi_reach'),
    ref('kpi_reachability_share'),
    ref('kpi_regional_visits'),
    ref('kpi_response_time_median'),
    ref('kpi_response_time_p75'),
    ref('kpi_response_time_p90'),
    ref('kpi_satisfaction_score'),
    ref('kpi_signal_precision'),
    ref('kpi_unique_visitors'),
    ref('kpi_victims_assisted'),
    ref('kpi_victims_per_10k'),
    ref('kpi_visits'),
] %}
with counted as (
    {% for kpi in kpis %}
    select
        kpi_code,
        period_type,
        period_start,
        territory_level,
        territory_code,
        breakdown_dimension,
        breakdown_value,
        -- Amounts of money are decimals, counts are not: the union takes both.
        cast(numerator as decimal(38, 6)) as numerator,
        cast(denominator as decimal(38, 6)) as denominator,
        value,
        observations,
        is_suppressed,
        false as is_archived
    from {{ kpi }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

archived as (
    select
        kpi_code,
        period_type,
        period_start,
        territory_level,
        territory_code,
        breakdown_dimension,
        breakdown_value,
        numerator,
        denominator,
        value,
        observations,
        is_suppressed,
        true as is_archived
    from {{ archived_kpis() }}
),

-- A period of which a purge has taken records is final: what is left to count would fall short.
final_periods as (
    select distinct
        kpi_code,
        period_type,
        period_start
    from archived
)

select counted.*
from counted
left join final_periods
    on
        counted.kpi_code = final_periods.kpi_code
        and counted.period_type = final_periods.period_type
        and counted.period_start = final_periods.period_start
where final_periods.kpi_code is null
union all
select *
from archived
