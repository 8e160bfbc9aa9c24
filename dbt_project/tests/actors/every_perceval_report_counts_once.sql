-- Each series of Perceval reaches its mart whole: reports and euros by day, reports by département, reports by age.
{{ config(group='actors') }}
with series as (
    select
        'reports by day' as series,
        (select sum(reports) from {{ ref('stg_perceval__daily_report') }}) as platform_total,
        (select sum(reports) from {{ ref('fct_perceval_day') }}) as mart_total
    union all
    select
        'euros by day' as series,
        (select sum(amount_eur) from {{ ref('stg_perceval__daily_amount') }}) as platform_total,
        (select sum(amount_eur) from {{ ref('fct_perceval_day') }}) as mart_total
    union all
    select
        'reports by département' as series,
        (select sum(reports) from {{ ref('stg_perceval__monthly_departement') }}) as platform_total,
        (select sum(reports) from {{ ref('fct_perceval_departement') }}) as mart_total
    union all
    select
        'reports by age' as series,
        (select sum(reports) from {{ ref('stg_perceval__monthly_age') }}) as platform_total,
        (select sum(reports) from {{ ref('fct_perceval_age') }}) as mart_total
)

select *
from series
where coalesce(platform_total, 0) <> coalesce(mart_total, 0)
