-- However one adds them up, by period, by place or by breakdown, the parts of a KPI are its whole.
{% set codes = [
    'satisfaction_score', 'clarity_score', 'help_quality_score', 'reachability_share', 'autonomy_score',
    'google_rating', 'google_answer_rate', 'app_rating', 'negative_reviews_share', 'feedback_index',
] %}
{% set ways = {
    'nation': ['nation'],
    'départements': ['departement', 'abroad', 'unknown'],
    'régions de gendarmerie': ['gendarmerie_region', 'abroad', 'unknown'],
} %}
with parts as (
    {% for code in codes %}
    select
        kpi_code,
        period_type,
        territory_level,
        breakdown_dimension,
        cast(numerator as decimal(38, 6)) as numerator,
        cast(denominator as decimal(38, 6)) as denominator,
        observations
    from {{ ref('kpi_' ~ code) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

sums as (
    {% for way, levels in ways.items() %}
    select
        kpi_code,
        period_type,
        breakdown_dimension,
        '{{ way }}' as way,
        sum(numerator) as numerator,
        sum(denominator) as denominator,
        sum(observations) as observations
    from parts
    where territory_level in ({{ quoted_list(levels) }})
    group by kpi_code, period_type, breakdown_dimension
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    sums.kpi_code,
    sums.period_type,
    sums.breakdown_dimension,
    sums.way,
    sums.numerator,
    whole.numerator as whole_numerator,
    sums.denominator,
    whole.denominator as whole_denominator
from sums
inner join sums as whole
    on
        sums.kpi_code = whole.kpi_code
        and whole.period_type = 'year'
        and whole.breakdown_dimension = 'total'
        and whole.way = 'nation'
where
    sums.numerator <> whole.numerator
    or sums.denominator <> whole.denominator
    or sums.observations <> whole.observations
