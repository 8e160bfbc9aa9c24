{% set kpis = [
    ref('kpi_answer_rate'),
    ref('kpi_bounce_share'),
    ref('kpi_chat_contacts'),
    ref('kpi_chat_out_of_hours_share'),
    ref('kpi_engagement_rate'),
    ref('kpi_experiences'),
    ref('kpi_followers'),
    ref('kpi_listing_actions'),
    ref('kpi_listing_sync_share'),
    ref('kpi_mentions'),
    ref('kpi_positive_share'),
    ref('kpi_pre_complaint_duration_median'),
    ref('kpi_pre_complaints'),
    ref('kpi_reach'),
    ref('kpi_regional_visits'),
    ref('kpi_response_time_median'),
    ref('kpi_response_time_p75'),
    ref('kpi_response_time_p90'),
    ref('kpi_unique_visitors'),
    ref('kpi_visits'),
] %}
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
    is_suppressed
from {{ kpi }}
{{ 'union all' if not loop.last }}
{% endfor %}
