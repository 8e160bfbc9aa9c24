-- Positive, neutral and negative experiences are all the experiences of the KPI, month by month and place by place.
with by_feeling as (
    select
        periods.period_start,
        experiences.territory_code,
        sum(case when experiences.feeling = 'positif' then 1 else 0 end) as positive,
        sum(case when experiences.feeling = 'neutre' then 1 else 0 end) as neutral,
        sum(case when experiences.feeling = 'négatif' then 1 else 0 end) as negative
    from {{ ref('fct_experience') }} as experiences
    inner join {{ ref('bridge_calendar_period') }} as periods
        on
            experiences.published_on = periods.date_day
            and periods.period_type = 'month'
    group by periods.period_start, experiences.territory_code
),

by_kpi as (
    select
        period_start,
        territory_code,
        numerator,
        denominator
    from {{ ref('kpi_positive_share') }}
    where
        period_type = 'month'
        and breakdown_dimension = 'total'
        and territory_level in ('departement', 'abroad', 'unknown')
)

select
    coalesce(by_feeling.period_start, by_kpi.period_start) as period_start,
    coalesce(by_feeling.territory_code, by_kpi.territory_code) as territory_code,
    by_feeling.positive,
    by_kpi.numerator,
    by_feeling.neutral,
    by_feeling.negative,
    by_kpi.denominator
from by_feeling
full outer join by_kpi
    on
        by_feeling.period_start = by_kpi.period_start
        and by_feeling.territory_code = by_kpi.territory_code
where
    by_feeling.positive is null
    or by_kpi.numerator is null
    or by_feeling.positive <> by_kpi.numerator
    or by_feeling.positive + by_feeling.neutral + by_feeling.negative <> by_kpi.denominator
