-- Weights in the table of irritants and in the KPI are the same figure, reached by two ways.
{{ config(group='perception') }}
select
    irritants.month_start_on,
    irritants.territory_level,
    irritants.territory_code,
    irritants.theme,
    irritants.weight,
    weights.value
from {{ ref('fct_irritant') }} as irritants
left join {{ ref('kpi_irritant_weight') }} as weights
    on
        weights.period_type = 'month'
        and irritants.month_start_on = weights.period_start
        and irritants.territory_level = weights.territory_level
        and irritants.territory_code = weights.territory_code
        and weights.breakdown_dimension = 'verbatim_theme'
        and irritants.theme = weights.breakdown_value
where
    irritants.service_name = 'total'
    and irritants.feeling = 'négatif'
    and irritants.weight is not null
    and (weights.value is null or abs(irritants.weight - weights.value) > 0.000001)
