-- Numerators and denominators add up from places to the nation, and from the values of a breakdown to its total.
{{ config(group='visibility') }}
with parts as (
    select * from {{ ref('kpi_bounce_share') }}
    union all
    select * from {{ ref('kpi_engagement_rate') }}
    union all
    select * from {{ ref('kpi_followers') }}
    union all
    select * from {{ ref('kpi_listing_sync_share') }}
),

totals as (
    select *
    from parts
    where
        territory_level = 'nation'
        and breakdown_dimension = 'total'
),

sums as (
    select
        kpi_code,
        period_type,
        period_start,
        'places' as added,
        sum(numerator) as numerator,
        sum(denominator) as denominator
    from parts
    where
        territory_level in ('departement', 'abroad', 'unknown')
        and breakdown_dimension = 'total'
    group by kpi_code, period_type, period_start
    union all
    select
        kpi_code,
        period_type,
        period_start,
        breakdown_dimension as added,
        sum(numerator) as numerator,
        sum(denominator) as denominator
    from parts
    where
        territory_level = 'nation'
        -- Tools count origins and devices apart from hours.
        and breakdown_dimension not in ('total', 'traffic_source', 'device')
    group by kpi_code, period_type, period_start, breakdown_dimension
)

select
    sums.*,
    totals.numerator as total_numerator,
    totals.denominator as total_denominator
from sums
inner join totals
    on
        sums.kpi_code = totals.kpi_code
        and sums.period_type = totals.period_type
        and sums.period_start = totals.period_start
where
    sums.numerator <> totals.numerator
    or sums.denominator <> totals.denominator
    or (totals.denominator is not null and totals.value not between 0 and 1)
