-- Je donne mon avis counts the same answers twice, one by one and by month: both tell the same of every question.
{{ config(group='perception') }}
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

counts as (
    select
        counts.service_id,
        counts.month_start_utc_on,
        counts.question,
        counts.intention,
        sum(counts.answers) as answers
    from {{ ref('int_jdma_statistic') }} as counts
    inner join {{ ref('int_jdma_month') }} as months
        on
            counts.service_id = months.service_id
            and counts.month_start_utc_on = months.month_start_utc_on
            and months.origin = 'avis'
    group by counts.service_id, counts.month_start_utc_on, counts.question, counts.intention
)

select
    counts.service_id,
    counts.month_start_utc_on,
    counts.question,
    counts.intention,
    counts.answers as counted,
    answers.answers as found
from counts
left join answers
    on
        counts.service_id = answers.service_id
        and counts.month_start_utc_on = answers.month_start_utc_on
        and counts.question = answers.question
        and counts.intention = answers.intention
where counts.answers <> coalesce(answers.answers, 0)
