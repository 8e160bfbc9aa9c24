-- Days, départements and classes of age of a month count the same reports; a warning, for the producer may differ.
{{ config(group='actors') }}
with counts as (
    select
        calendar.month_start,
        'days' as series,
        sum(reports.reports) as reports
    from {{ ref('fct_perceval_day') }} as reports
    inner join {{ ref('dim_calendar') }} as calendar on reports.reported_on = calendar.date_day
    group by calendar.month_start
    union all
    select
        month_start,
        'départements' as series,
        sum(reports) as reports
    from {{ ref('fct_perceval_departement') }}
    group by month_start
    union all
    select
        month_start,
        'ages' as series,
        sum(reports) as reports
    from {{ ref('fct_perceval_age') }}
    group by month_start
),

months as (
    select
        month_start,
        sum(case when series = 'days' then reports else 0 end) as by_day,
        sum(case when series = 'départements' then reports else 0 end) as by_departement,
        sum(case when series = 'ages' then reports else 0 end) as by_age
    from counts
    group by month_start
)

select *
from months
where
    by_day <> by_departement
    or by_day <> by_age
