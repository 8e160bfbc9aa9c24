{% set kpis = [
    ref('kpi_answer_rate'),
    ref('kpi_experiences'),
    ref('kpi_handover_share'),
    ref('kpi_iggn_complaints'),
    ref('kpi_perceval_amount_eur'),
    ref('kpi_perceval_mean_amount_eur'),
    ref('kpi_perceval_reports'),
    ref('kpi_positive_share'),
    ref('kpi_prevention_actions'),
    ref('kpi_prevention_audience'),
    ref('kpi_prevention_coverage'),
    ref('kpi_prevention_hours'),
    ref('kpi_response_time_median'),
    ref('kpi_response_time_p75'),
    ref('kpi_response_time_p90'),
    ref('kpi_victims_assisted'),
    ref('kpi_victims_per_10k'),
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
