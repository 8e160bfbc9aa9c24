-- Days with reports and no amount: they stay in both figures, and the mean of their period is too low.
{{ config(group='actors') }}
select
    reported_on,
    reports
from {{ ref('fct_perceval_day') }}
where
    reports > 0
    and amount_eur is null
