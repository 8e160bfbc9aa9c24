-- Numerators and denominators of the shares add up from places to the nation, and every value lies between 0 and 1.
with shares as (
    select * from {{ ref('kpi_answer_rate') }}
    union all
    select * from {{ ref('kpi_positive_share') }}
),

compared as (
    select
        kpi_code,
        period_type,
        period_start,
        breakdown_dimension,
        breakdown_value,
        sum(case when territory_level = 'nation' then numerator else 0 end) as nation_numerator,
        sum(case when territory_level in ('departement', 'abroad', 'unknown') then numerator else 0 end)
            as places_numerator,
        sum(case when territory_level = 'nation' then denominator else 0 end) as nation_denominator,
        sum(case when territory_level in ('departement', 'abroad', 'unknown') then denominator else 0 end)
            as places_denominator,
        min(value) as lowest,
        max(value) as highest
    from shares
    group by kpi_code, period_type, period_start, breakdown_dimension, breakdown_value
)

select *
from compared
where
    nation_numerator <> places_numerator
    or nation_denominator <> places_denominator
    or lowest < 0
    or highest > 1
