-- Je donne mon avis counts the same answers twice, one by one and by month: both tell the same of every question.
{{ config(severity='warn', group='perception') }}
with answers as (
    select
        reviews.service_id,
        reviews.month_start_utc_on,
        answers.question,
        answers.intention,
        count(answers.answer_id) as answers
    from {{ ref('int_jdma_answer') }} as answers
    inner join {{ ref('fct_jdma_review') }} as reviews on answers.review_id = reviews.review_id
    group by reviews.service_id, reviews.month_start_utc_on, answers.question, answers.intention
),

statistics as (
    select
        statistics.service_id,
        statistics.month_start_utc_on,
        statistics.question,
        statistics.intention,
        sum(statistics.answers) as answers
    from {{ ref('int_jdma_statistic') }} as statistics
    inner join {{ ref('int_jdma_month') }} as months
        on
            statistics.service_id = months.service_id
            and statistics.month_start_utc_on = months.month_start_utc_on
            and months.origin = 'avis'
    group by statistics.service_id, statistics.month_start_utc_on, statistics.question, statistics.intention
)

select
    statistics.service_id,
    statistics.month_start_utc_on,
    statistics.question,
    statistics.intention,
    statistics.answers as counted,
    answers.answers as found
from statistics
left join answers
    on
        statistics.service_id = answers.service_id
        and statistics.month_start_utc_on = answers.month_start_utc_on
        and statistics.question = answers.question
        and statistics.intention = answers.intention
where statistics.answers <> coalesce(answers.answers, 0)
