-- A day is kept when only one of the two series has it: reports without an amount stay reports.
with reports as (
    select * from {{ ref('stg_perceval__daily_report') }}
),

amounts as (
    select * from {{ ref('stg_perceval__daily_amount') }}
),

days as (
    select
        coalesce(reports.report_key, amounts.amount_key) as day_key,
        coalesce(reports.reported_on, amounts.reported_on) as reported_on,
        reports.reports,
        amounts.amount_eur,
        coalesce(reports.source_load_id, amounts.source_load_id) as source_load_id
    from reports
    full outer join amounts on reports.reported_on = amounts.reported_on
)

select
    days.day_key,
    days.reported_on,
    threat_labels.threat_code,
    days.reports,
    days.amount_eur,
    days.source_load_id
from days
inner join {{ ref('threat_labels') }} as threat_labels on threat_labels.platform = 'perceval'
