-- Only what readers may see enters: a suppressed cell has no figure here either, so no effect can give it away.
{% for code in followed_kpis() %}
select
    kpi_code,
    period_type,
    territory_code,
    period_start,
    cast(numerator as decimal(38, 6)) as numerator,
    cast(denominator as decimal(38, 6)) as denominator,
    is_suppressed
from {{ ref('kpi_' ~ code) }}
where
    territory_level = 'departement'
    and breakdown_dimension = 'total'
    and period_type in ({{ quoted_list(followed_period_types(kpi_named('kpi_' ~ code))) }})
{{ 'union all' if not loop.last }}
{% endfor %}
